/**
 * What the admin listener answers, page by page. Who may ask is `gate.ts`, how it is asked `admin.ts`.
 * Invariant: however many callers ask at once, the workers are asked once, and a page that takes too long is given up.
 */
import type { Clock } from "../../proxy/base/clock.ts";
import { Problem, problemsOf } from "../problem/problem.ts";
import { redactProblem } from "../run/log-redact.ts";
import { EXPOSITION_TYPE } from "./exposition.ts";
import type { AdminView, Readiness, StatusJson } from "./view.ts";

export interface Page {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** A page must be there after this time; workers get less than that to answer the steward. */
const PAGE_DEADLINE_MS = 3_000;

const TEXT = "text/plain; charset=utf-8";
const JSON_TYPE = "application/json; charset=utf-8";

const INDEX = `scale admin
  /livez             200 while this box answers
  /readyz            200 when it should be given traffic, 503 and the reasons when not; ?verbose for every check
  /metrics           Prometheus text
  /status            JSON: processes, addresses, configuration
  POST /count?workers=N   on the unix socket or with a token: so many workers from now on
`;

export class Pages {
  readonly #clock: Clock;
  readonly #ready: () => Promise<Readiness>;
  readonly #status: () => Promise<StatusJson>;
  readonly #metrics: () => Promise<string>;
  readonly #view: AdminView;

  constructor(view: AdminView, clock: Clock) {
    this.#clock = clock;
    this.#view = view;
    this.#ready = shared(() => view.ready());
    this.#status = shared(() => view.status());
    this.#metrics = shared(() => view.metrics());
  }

  /** `undefined`: there is no such page. */
  async at(path: string, query: string): Promise<Page | undefined> {
    switch (path) {
      case "/":
        return { status: 200, type: TEXT, body: INDEX };
      case "/livez":
        return { status: 200, type: TEXT, body: "ok\n" };
      case "/readyz":
        return this.#inTime(
          this.#ready().then((readiness) => readyPage(readiness, new URLSearchParams(query).has("verbose"))),
        );
      case "/metrics":
        return this.#inTime(this.#metrics().then((body) => ({ status: 200, type: EXPOSITION_TYPE, body })));
      case "/status":
        return this.#inTime(this.#status().then((status) => jsonPage(200, status)));
      default:
        return undefined;
    }
  }

  /** What changes the box, by POST. It takes as long as it takes. */
  async command(path: string, query: string): Promise<Page | undefined> {
    if (path !== "/count") return undefined;
    const text = new URLSearchParams(query).get("workers") ?? "";
    if (!/^[0-9]{1,4}$/.test(text)) return jsonPage(400, { ok: false, problems: [noNumber(text).toJSON()] });
    try {
      await this.#view.count(Number(text));
      return jsonPage(200, { ok: true, workers: Number(text) });
    } catch (error) {
      return jsonPage(409, {
        ok: false,
        problems: problemsOf(error).map((problem) => redactProblem(problem).toJSON()),
      });
    }
  }

  async #inTime(page: Promise<Page>): Promise<Page> {
    const late = Promise.withResolvers<Page>();
    const timer = this.#clock.after(PAGE_DEADLINE_MS, () =>
      late.resolve({ status: 503, type: TEXT, body: "the box did not answer in time\n" }),
    );
    try {
      return await Promise.race([page, late.promise]);
    } finally {
      timer.cancel();
    }
  }
}

function readyPage({ ready, checks }: Readiness, verbose: boolean): Page {
  const reasons = checks
    .filter((check) => !check.ok)
    .map(({ name, why }) => (why === undefined ? name : `${name}: ${why}`));
  const said = { ready, ...(ready ? {} : { reasons }), ...(verbose ? { checks } : {}) };
  return jsonPage(ready ? 200 : 503, said);
}

function noNumber(text: string): Problem {
  return new Problem("RUN_COUNT", { what: `Cannot run "${text}" workers: it is not a number` });
}

function jsonPage(status: number, value: unknown): Page {
  return { status, type: JSON_TYPE, body: `${JSON.stringify(value)}\n` };
}

/** Who asks while it is being made gets the same one. */
function shared<Made>(make: () => Promise<Made>): () => Promise<Made> {
  let making: Promise<Made> | undefined;
  return () => {
    making ??= make().finally(() => {
      making = undefined;
    });
    return making;
  };
}
