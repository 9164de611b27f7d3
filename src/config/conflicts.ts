/**
 * Knobs that need, exclude or get in the way of each other: the program of an app, the parts of a store, listeners with
 * one address, an admin address that is open to the world. Names that refer to other sections are `references.ts`.
 */
import { isLocal, parseAddress } from "../../proxy/base/address.ts";
import { writePath } from "./describe.ts";
import type { Inspection } from "./draft.ts";
import { quote, report } from "./references.ts";
import type { KnobPath } from "./wording.ts";

export function checkConflicts(inspection: Inspection): void {
  checkProgram(inspection);
  checkRedis(inspection);
  checkQueues(inspection);
  checkNames(inspection);
  checkAutoscale(inspection);
  checkListeners(inspection);
  checkAdmin(inspection);
}

function checkProgram(inspection: Inspection): void {
  const { app } = inspection.config;
  if (app === undefined) return;
  if (app.entry !== undefined && app.command !== undefined) {
    report(inspection, ["app", "command"], "CONFIG_PROGRAM", {
      what: "Cannot use app.command: there is an app.entry too",
      fix: "Keep entry for a JavaScript or TypeScript program that scale loads, command for any other",
    });
  }
  if (app.command !== undefined && typeof app.workers === "number" && app.workers > 1) {
    report(inspection, ["app", "workers"], "APP_COMMAND_WORKERS", {
      what: `Cannot run ${app.workers} workers of app.command: a command owns its port`,
      fix: "Write workers = 1, or let [lb] balance several boxes with a port each",
    });
  }
  const isMissing = !inspection.origins.has("app.entry") && !inspection.origins.has("app.command");
  if (isMissing && inspection.needs("app")) {
    report(inspection, ["app"], "CONFIG_PROGRAM", {
      what: "Cannot use app: it names no program",
      fix: 'Write entry = "./server.ts" or command = ["python3", "server.py"]',
    });
  }
}

function checkRedis(inspection: Inspection): void {
  for (const [name, store] of Object.entries(inspection.config.redis ?? {})) {
    const path = ["redis", name];
    const hasUrl = inspection.origins.has(writePath([...path, "url"]));
    const hasNodes = isWritten(inspection, [...path, "nodes"]);
    if (store === undefined || hasUrl !== hasNodes) continue;
    report(inspection, path, "CONFIG_STORE_PARTS", {
      what: hasUrl
        ? `Cannot use ${writePath(path)}: it has both url and nodes`
        : `Cannot use ${writePath(path)}: it has neither url nor nodes`,
      fix: 'Write url = "redis://host:6379" for one server, or nodes = ["host:6379", …] for a cluster',
    });
  }
}

const driverParts = {
  kafka: { part: "brokers", example: 'brokers = ["k1:9092"]' },
  rabbitmq: { part: "url", example: 'url = "amqp://host:5672"' },
  sqlite: { part: "path", example: 'path = "./queue.db"' },
} as const;

function checkQueues(inspection: Inspection): void {
  for (const [name, store] of Object.entries(inspection.config.queue ?? {})) {
    if (store?.driver === undefined) continue;
    const path = ["queue", name];
    const { part, example } = driverParts[store.driver];
    const extra = (["brokers", "url", "path"] as const).find(
      (other) => other !== part && isWritten(inspection, [...path, other]),
    );
    if (!isWritten(inspection, [...path, part])) {
      report(inspection, path, "CONFIG_STORE_PARTS", {
        what: `Cannot use ${writePath(path)}: driver "${store.driver}" needs ${part}`,
        fix: `Write ${example}`,
      });
    } else if (extra !== undefined) {
      report(inspection, [...path, extra], "CONFIG_STORE_PARTS", {
        what: `Cannot use ${writePath([...path, extra])}: driver "${store.driver}" has no use for it`,
        fix: "Remove it, or choose the driver it belongs to",
      });
    }
  }
}

/** app.db says "pool" and "router" for the roles. */
function checkNames(inspection: Inspection): void {
  for (const name of ["pool", "router"]) {
    if (inspection.config.postgres?.[name] === undefined) continue;
    report(inspection, ["postgres", name], "CONFIG_NAME", {
      what: `Cannot use postgres.${name}: db = "${name}" already means the role`,
      fix: 'Choose another name, for instance "main"',
    });
  }
}

function checkAutoscale(inspection: Inspection): void {
  const { autoscale } = inspection.config;
  if (autoscale === undefined) return;
  const { min, max, executor } = autoscale;
  if (min !== undefined && max !== undefined && min > max) {
    report(inspection, ["autoscale", "min"], "CONFIG_RANGE", {
      what: `Cannot use autoscale.min: ${min} is more than max, which is ${max}`,
      fix: "Lower min or raise max",
    });
  }
  const part = executor === "command" ? "command" : "target";
  if (executor === undefined || isWritten(inspection, ["autoscale", part])) return;
  report(inspection, ["autoscale"], "CONFIG_REQUIRED", {
    what: `Cannot use autoscale: executor "${executor}" needs ${part}`,
    fix: part === "command" ? 'Write command = ["/usr/local/bin/set-app-count"]' : 'Write target = "scale-app@"',
  });
}

interface Listener {
  readonly path: KnobPath;
  readonly address: string;
}

function checkListeners(inspection: Inspection): void {
  const listeners = listenersOf(inspection);
  for (const [index, listener] of listeners.entries()) {
    const first = listeners.slice(0, index).find((other) => collide(other.address, listener.address));
    if (first === undefined) continue;
    const [role, other] = [listener.path[0], first.path[0]];
    const severity = role === other || other === "admin" || role === "admin" ? "error" : "warning";
    report(inspection, listener.path, "CONFIG_LISTEN_TWICE", {
      what: `Cannot listen twice on ${quote(inspection, listener.path, listener.address)}: ${writePath(first.path)} is there already`,
      ...(severity === "warning"
        ? { why: "On one machine only one of them can start; on two machines both can." }
        : {}),
      fix: "Give one of them another port",
      severity,
    });
  }
}

/** Not the admin addresses of single roles: their boxes may well be on different machines. */
function listenersOf({ config }: Inspection): readonly Listener[] {
  const { app, pool, lb, router, admin } = config;
  const all: { readonly path: KnobPath; readonly address: string | undefined }[] = [
    { path: ["admin", "listen"], address: admin?.listen },
    { path: ["app", "listen"], address: app?.listen },
    ...(pool?.listen ?? []).map((address, index) => ({ path: ["pool", "listen", index], address })),
    ...(lb?.listen ?? []).map((listen, index) => ({
      path: ["lb", "listen", index, "address"],
      address: listen?.address,
    })),
    ...(router?.listen ?? []).map((address, index) => ({ path: ["router", "listen", index], address })),
  ];
  return all.filter((listener): listener is Listener => listener.address !== undefined);
}

function collide(one: string, other: string): boolean {
  const [a, b] = [parseAddress(one), parseAddress(other)];
  if (typeof a === "string" || typeof b === "string") return false;
  if (a.path !== undefined || b.path !== undefined) return a.path === b.path;
  if (a.port === 0 || a.port !== b.port) return false;
  const everywhere = ["0.0.0.0", "::"];
  return a.host === b.host || everywhere.includes(a.host) || everywhere.includes(b.host);
}

function checkAdmin(inspection: Inspection): void {
  const { config } = inspection;
  for (const section of ["admin", "app", "pool", "lb", "router"] as const) {
    const admin = section === "admin" ? config.admin : config[section]?.admin;
    const path = section === "admin" ? ["admin"] : [section, "admin"];
    if (admin?.listen === undefined) continue;
    const address = parseAddress(admin.listen);
    const hasToken = inspection.origins.has(writePath([...path, "token"])) && admin.token !== "";
    if (typeof address === "string" || isLocal(address) || hasToken) continue;
    report(inspection, [...path, "listen"], "CONFIG_ADMIN_OPEN", {
      what: `Cannot use ${writePath([...path, "listen"])}: ${quote(inspection, [...path, "listen"], admin.listen)} is open to other machines and there is no token`,
      why: "Who reaches it can read the state of the box.",
      fix: `Add token = "\${file:/etc/scale/token}" to [${writePath(path)}], or listen on 127.0.0.1`,
    });
  }
}

function isWritten(inspection: Inspection, path: KnobPath): boolean {
  const origin = inspection.origins.get(writePath(path));
  return origin !== undefined && origin.from !== "default";
}
