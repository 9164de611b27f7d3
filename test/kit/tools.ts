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
  curl: { command: "curl", packages: ["curl"] },
  git: { command: "git", packages: ["git"] },
  go: { command: "go", places: ["/usr/local/go/bin/go"], packages: ["golang-go", "ca-certificates"] },
  h2load: { command: "h2load", packages: ["nghttp2-client"] },
  haproxy: { command: "haproxy", packages: ["haproxy"] },
  ip: { command: "ip", packages: ["iproute2"] },
  nginx: { command: "nginx", packages: ["nginx"] },
  pgbouncer: { command: "pgbouncer", packages: ["pgbouncer"] },
  psql: { command: "psql", packages: ["postgresql-client"] },
  postgres: { command: "postgres", places: ["/usr/lib/postgresql/*/bin/postgres"], packages: ["postgresql"] },
  pgbench: { command: "pgbench", places: ["/usr/lib/postgresql/*/bin/pgbench"], packages: ["postgresql"] },
  "prometheus-client": {
    command: "prometheus-client",
    places: ["/usr/lib/python3/dist-packages/prometheus_client/parser.py"],
    packages: ["python3-prometheus-client"],
  },
  psycopg: {
    command: "psycopg",
    places: ["/usr/lib/python3/dist-packages/psycopg/__init__.py"],
    packages: ["python3-psycopg"],
  },
  python3: { command: "python3", packages: ["python3"] },
  strace: { command: "strace", packages: ["strace"] },
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
