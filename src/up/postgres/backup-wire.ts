/**
 * The least of a Postgres client: logs in, runs a simple query, and streams a base backup. For looking after our own
 * servers, where the runtime's and the app's clients have no words for replication, and where being logged in is the
 * proof that a server is up and ours. Not for the data path, no TLS (loopback only), no parameters.
 * Invariants: a frame is never larger than FRAME_BYTES_MAX; at most INBOX_BYTES_MAX wait unread, since the socket is
 * paused beyond; no wait for the next bytes is longer than the session's `waitMs`.
 * Protocol: https://www.postgresql.org/docs/18/protocol.html, base backup: …/protocol-replication.html
 */
import { randomBytes } from "node:crypto";
import { ScramClient } from "./scram.ts";
import { cString, int32, lengthPrefixed, message, rowOf, serverError, startupMessage, textOf } from "./wire-frames.ts";
import { WireFault, type Frame, type Row, type ServerError, type Startup } from "./wire-frames.ts";
import { dial, type Inbox } from "./wire-inbox.ts";

const FRAME_BYTES_MAX = 1 << 20;
/** Before we are logged in nobody has a reason to send more. */
const LOGIN_FRAME_BYTES_MAX = 1 << 14;
const ROWS_MAX = 10_000;
const AUTH = { ok: 0, sasl: 10, saslContinue: 11, saslFinal: 12 } as const;
const MECHANISM = "SCRAM-SHA-256";

export interface SessionTarget extends Startup {
  readonly port: number;
  readonly password: string;
  /** The longest silence that is borne. */
  readonly waitMs: number;
}

/** Dials 127.0.0.1 and logs in. Throws WireFault, ScramFault, or ServerError (57P03 while the server starts up). */
export async function openSession(target: SessionTarget): Promise<Session> {
  const inbox = await dial(target);
  try {
    inbox.write(startupMessage(target));
    await logIn(inbox, target.password);
    return new Session(inbox);
  } catch (error) {
    inbox.close();
    throw error;
  }
}

export class Session {
  readonly #inbox: Inbox;

  constructor(inbox: Inbox) {
    this.#inbox = inbox;
  }

  /** Runs one or more statements; the rows of all of them, as text. */
  async query(sql: string): Promise<readonly Row[]> {
    this.#inbox.write(message("Q", cString(sql)));
    const rows: Row[] = [];
    await untilReady(this.#inbox, ({ tag, body }) => {
      if (tag !== "D") return;
      if (rows.length === ROWS_MAX) throw new WireFault(`Cannot read the answer: more than ${ROWS_MAX} rows`);
      rows.push(rowOf(body));
    });
    return rows;
  }

  /**
   * The bytes of the one tar archive that a base backup consists of, WAL included. A server with table spaces sends
   * several: that throws. Not read to its end, it closes the session.
   */
  async *baseBackup(label: string): AsyncGenerator<Uint8Array> {
    this.#inbox.write(message("Q", cString(`BASE_BACKUP (LABEL '${label}', CHECKPOINT 'fast', WAL, MANIFEST 'no')`)));
    let whole = false;
    try {
      let archives = 0;
      for (;;) {
        const { tag, body } = await this.#inbox.frame(FRAME_BYTES_MAX);
        if (tag === "E") throw serverError(body);
        if (tag === "Z") break;
        if (tag !== "d") continue;
        const kind = String.fromCharCode(body[0] ?? 0);
        if (kind === "n" && ++archives > 1) throw new WireFault("Cannot copy the server: it has table spaces");
        if (kind === "d") yield body.subarray(1);
      }
      whole = true;
    } finally {
      if (!whole) this.close();
    }
  }

  close(): void {
    this.#inbox.close();
  }
}

async function logIn(inbox: Inbox, password: string): Promise<void> {
  const scram = new ScramClient("", password, randomBytes(18).toString("base64"));
  let proved = false;
  for (;;) {
    const { tag, body } = await inbox.frame(LOGIN_FRAME_BYTES_MAX);
    if (tag === "E") throw serverError(body);
    if (tag === "Z") return;
    if (tag !== "R") continue;
    const rest = body.subarray(4);
    switch (int32(body, 0)) {
      case AUTH.sasl:
        if (!textOf(rest).split("\0").includes(MECHANISM))
          throw new WireFault(`The server does not offer ${MECHANISM}`);
        inbox.write(message("p", cString(MECHANISM), lengthPrefixed(scram.first())));
        break;
      case AUTH.saslContinue:
        inbox.write(message("p", new TextEncoder().encode(scram.final(textOf(rest)))));
        break;
      case AUTH.saslFinal:
        scram.verify(textOf(rest));
        proved = true;
        break;
      case AUTH.ok:
        if (!proved) throw new WireFault("The server lets us in without a proof that it knows the password");
        break;
      default:
        throw new WireFault(`The server asks for another way to log in than ${MECHANISM}`);
    }
  }
}

/** Reads frames up to ReadyForQuery; an error of the server is thrown when it is over. */
async function untilReady(inbox: Inbox, take: (frame: Frame) => void): Promise<void> {
  let failed: ServerError | undefined;
  for (;;) {
    const frame = await inbox.frame(FRAME_BYTES_MAX);
    if (frame.tag === "E") failed ??= serverError(frame.body);
    else if (frame.tag === "Z") break;
    else take(frame);
  }
  if (failed !== undefined) throw failed;
}
