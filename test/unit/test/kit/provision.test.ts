/** Tests `test/kit/provision.ts` on machines that are not this one: nothing is installed here. */
import { expect, test } from "bun:test";
import { needsOf, packagesOf, provision, type Machine } from "../../../kit/provision.ts";
import type { ToolName } from "../../../kit/tools.ts";

interface Fake extends Machine {
  readonly calls: string[];
}

/** A machine on which `broken` packages cannot be installed. */
function machine(has: readonly ToolName[], options: { mayInstall?: boolean; broken?: readonly string[] } = {}): Fake {
  const present = new Set<ToolName>(has);
  const calls: string[] = [];
  return {
    calls,
    mayInstall: options.mayInstall ?? true,
    find: (name) => (present.has(name) ? `/usr/bin/${name}` : undefined),
    run: async (argv) => {
      calls.push(argv.join(" "));
      const packages = argv.slice(5);
      if (packages.some((name) => options.broken?.includes(name))) return { code: 100, output: "E: Unable to locate" };
      for (const name of ["psql", "wrk", "python3"] as const) {
        if (packagesOf([name]).every((one) => packages.includes(one))) present.add(name);
      }
      return { code: 0, output: "" };
    },
  };
}

const quiet = () => {};
const install = "apt-get install -y -qq --no-install-recommends";

const sources: readonly [source: string, names: readonly ToolName[]][] = [
  ['const { test } = needs("psql");', ["psql"]],
  ["needs('wrk', \"python3\",\n  `psql`)", ["psql", "python3", "wrk"]],
  ["needs()", []],
  ['expect(fooneeds("psql"))', []],
  ['needs("no-such-program")', []],
  ['needs("psql"); needs("wrk")', ["psql", "wrk"]],
];

for (const [source, names] of sources) {
  test(`needsOf: reads ${source}`, () => {
    expect(needsOf(source)).toEqual([...names]);
  });
}

test("provision: asks nothing of apt when everything is there", async () => {
  const fake = machine(["psql"]);
  expect(await provision(["psql"], fake, quiet)).toEqual([]);
  expect(fake.calls).toEqual([]);
});

test("provision: installs nothing where it may not, and says what is missing", async () => {
  const fake = machine(["psql"], { mayInstall: false });
  expect(await provision(["psql", "wrk"], fake, quiet)).toEqual(["wrk"]);
  expect(fake.calls).toEqual([]);
});

test("provision: updates once and installs all in one go", async () => {
  const fake = machine([]);
  expect(await provision(["psql", "wrk"], fake, quiet)).toEqual([]);
  expect(fake.calls).toEqual(["apt-get update -qq", `${install} postgresql-client wrk`]);
});

test("provision: when one package fails, the others are installed alone", async () => {
  const fake = machine([], { broken: ["wrk"] });
  const said: string[] = [];
  expect(await provision(["psql", "wrk"], fake, (line) => said.push(line))).toEqual(["wrk"]);
  expect(fake.calls.slice(2)).toEqual([`${install} postgresql-client`, `${install} wrk`]);
  expect(said.join("\n")).toContain("apt-get install wrk failed (exit 100)\n      E: Unable to locate");
});
