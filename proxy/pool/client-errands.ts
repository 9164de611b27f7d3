/**
 * What the pool says to a link for itself, between what its clients say: it closes statements that are too many, tells the
 * client's settings, and asks what the session holds. Each leaves its entry in the link's `Replies`, whose answers no client
 * hears. It flushes nothing.
 * Invariant: all of it stands outside of any transaction but `reassure`, which mends inside of one what the client itself
 * has just done there.
 */
import { STATUS } from "../pg/backend.ts";
import { STATEMENT } from "../pg/frontend.ts";
import {
  writeBind,
  writeClose,
  writeExecute,
  writeFlush,
  writeParse,
  writeQuery,
  writeSync,
} from "../pg/frontend-writer.ts";
import type { Gather } from "../pgconn/gather.ts";
import type { Link } from "../pgconn/link.ts";
import { ASK, DROP, EXPECT } from "../pgconn/replies.ts";
import { differenceText, startupText } from "../pgconn/settings.ts";
import { writeCloseOf } from "../pgconn/statement-words.ts";
import type { ClientSession } from "./client-session.ts";

/** A statement and a portal of ours, for a moment; no statement of a client has this name on a link. */
const OURS = "scale_own";

export class Errands {
  /** The server has refused the client's settings. */
  isRefused = false;
  readonly #session: ClientSession;
  readonly #gather: Gather;
  /** What pins the link is another. */
  readonly #pinned: () => void;

  constructor(session: ClientSession, gather: Gather, pinned: () => void) {
    this.#session = session;
    this.#gather = gather;
    this.#pinned = pinned;
  }

  /** Closes statements that are too many on the link. */
  trim({ statements, replies }: Link): void {
    if (statements.size <= statements.entriesMax) return;
    const { writer } = this.#gather;
    for (let name = statements.trim(); name !== undefined; name = statements.trim()) {
      writeCloseOf(writer, name);
      replies.push(EXPECT.close, DROP);
    }
    writeSync(writer);
    replies.pushSync(DROP);
  }

  /** Makes the link's settings those of the client. */
  restore(link: Link): void {
    const { settings } = this.#session;
    const answered = (good: boolean): void => {
      if (good) link.settings.become(settings);
      else this.isRefused = true;
    };
    this.#ask(link, { text: differenceText(link.settings, settings), mode: DROP, answered });
  }

  /** Asks the server what the session holds; `user` is whom the link has logged in as. */
  inquire(link: Link, user: string): void {
    const { pins, settings, answer } = this.#session;
    answer.clear();
    const before = pins.bits;
    const answered = (good: boolean): void => {
      pins.answered(answer, good, link.settings, settings);
      this.#session.doubtUnsure(link);
      answer.clear();
      if (pins.bits !== before) this.#pinned();
    };
    this.#ask(link, { text: pins.ask(user, link.settings, settings), mode: ASK, answered });
  }

  /** Settings that were RESET are what the client started with, also inside of a transaction or an open batch. */
  reassure(link: Link, names: readonly string[]): void {
    if (link.status === STATUS.failed) return;
    const text = startupText(this.#session.settings, names);
    const answered = (good: boolean): void => {
      if (good) this.#session.restored(link, names);
    };
    const { isDiscarded } = this.#session;
    this.#session.isDiscarded = false;
    if (link.replies.unsynced && !isDiscarded) this.#askWithin(link, text, answered);
    else this.#ask(link, { text, mode: DROP, answered });
  }

  #ask(link: Link, { text, mode, answered }: Asked): void {
    writeQuery(this.#gather.writer, text);
    // A simple query takes the unnamed statement away.
    link.statements.setUnnamed(undefined, 0);
    link.replies.push(EXPECT.query, mode, 0, { answered, undone: () => undefined });
  }

  /** Within an open batch, whose end is the client's. */
  #askWithin({ replies }: Link, text: string, answered: (good: boolean) => void): void {
    const { writer } = this.#gather;
    writeParse(writer, OURS, text);
    writeBind(writer, OURS, OURS);
    writeExecute(writer, OURS, 0);
    writeClose(writer, STATEMENT, OURS);
    writeFlush(writer);
    replies.push(EXPECT.parse, DROP);
    replies.push(EXPECT.bind, DROP);
    replies.push(EXPECT.execute, DROP, 0, { answered, undone: () => undefined });
    replies.push(EXPECT.close, DROP);
  }
}

interface Asked {
  readonly text: string;
  readonly mode: typeof DROP | typeof ASK;
  readonly answered: (good: boolean) => void;
}
