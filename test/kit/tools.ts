/**
 * The programs that tests and benchmarks want from the machine: where each may stand, and which Debian packages bring
 * it. Only looks; `provision.ts` installs, `needs.ts` is what a test says. Everything a test runs besides our own
 * executable, Bun and Node has a row here.
 */

export interface Tool {
  readonly command: string;
  /** Glob patterns of absolute paths, for what Debian keeps off PATH; the highest version wins. */
  readonly places?: readonly string[];
  readonly packages: readonly string[];
}

export const tools = {
  git: { command: "git", packages: ["git"] },
  ip: { command: "ip", packages: ["iproute2"] },
  psql: { command: "psql", packages: ["postgresql-client"] },
  postgres: { command: "postgres", places: ["/usr/lib/postgresql/*/bin/postgres"], packages: ["postgresql"] },
  pgbench: { command: "pgbench", places: ["/usr/lib/postgresql/*/bin/pgbench"], packages: ["postgresql"] },
  "prometheus-client": {
    command: "prometheus-client",
    places: ["/usr/lib/python3/dist-packages/prometheus_client/parser.py"],
    packages: ["python3-prometheus-client"],
  },
  python3: { command: "python3", packages: ["python3"] },
  "systemd-nspawn": { command: "systemd-nspawn", packages: ["systemd-container"] },
  "systemd-analyze": { command: "systemd-analyze", packages: ["systemd"] },
  taskset: { command: "taskset", packages: ["util-linux"] },
  unshare: { command: "unshare", packages: ["util-linux"] },
  wrk: { command: "wrk", packages: ["wrk"] },
} as const satisfies Record<string, Tool>;

export type ToolName = keyof typeof tools;

export function isToolName(name: string): name is ToolName {
  return Object.hasOwn(tools, name);
}

/** Absolute path of the program, or undefined when the machine has none. */
export function findTool(name: ToolName): string | undefined {
  return findIn(tools[name]);
}

export function findIn(tool: Tool): string | undefined {
  const onPath = Bun.which(tool.command, { PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/usr/bin:/sbin:/bin` });
  if (onPath !== null) return onPath;
  const found = (tool.places ?? []).flatMap((pattern) => [
    ...new Bun.Glob(pattern.slice(1)).scanSync({ cwd: "/", absolute: true }),
  ]);
  return found.sort((a, b) => a.localeCompare(b, "en", { numeric: true })).at(-1);
}
