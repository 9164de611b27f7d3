/**
 * What the clients of one database have done in this worker: SHOW STATS and the counters of /metrics are made of it. On the
 * path of a message a count is one addition to a field.
 */
export class Traffic {
  /** Transactions that ended, a statement outside of one counted as one. */
  xacts = 0;
  /** Query messages, and Syncs behind at least one Execute. */
  queries = 0;
  /** How often a client was given a link. */
  assignments = 0;
  /** From clients, and to clients. */
  receivedBytes = 0;
  sentBytes = 0;
  /** How long links were in transactions, and at work, and how long clients waited for a link. */
  xactMs = 0;
  queryMs = 0;
  waitMs = 0;
  /** Parses that clients sent, those that a server got, Binds. */
  clientParses = 0;
  serverParses = 0;
  binds = 0;
  logins = 0;
}
