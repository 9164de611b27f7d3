/**
 * What is under way in one exchange, in bytes and in time: how much each side was given and has not taken, what credit the
 * client has had for bytes that are said again, and when anything moved last.
 * Invariant: the client gets credit once for each byte, however often the byte is sent.
 */
export class Flow {
  /** When anything moved last. */
  stampMs = 0;
  /** Bytes that the client sent and the server has not taken. */
  upBytes = 0;
  /** Bytes that the server sent and the client has not taken. */
  downBytes = 0;
  /** Bytes that the client has credit for. */
  upCredited = 0;
  /** How much of the credit that comes is for bytes that were credited before. */
  #debt = 0;

  /** The request is said from its beginning, to whom it may be. */
  restart(): void {
    this.upBytes = 0;
    this.#debt = this.upCredited;
  }

  /** So much credit has come for the client's bytes. Answers how much of it is news. */
  credit(count: number): number {
    const paid = Math.min(count, this.#debt);
    this.#debt -= paid;
    this.upCredited += count - paid;
    return count - paid;
  }

  clear(): void {
    this.upBytes = 0;
    this.downBytes = 0;
    this.upCredited = 0;
    this.#debt = 0;
  }
}
