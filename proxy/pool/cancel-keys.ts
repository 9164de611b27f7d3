/**
 * The keys that clients of this worker were given to cancel by. A key says which process of the box gave it, over all
 * workers and generations, and which client of that process; whoever meets another's key passes it on.
 * Invariant: the secret is chance alone, and is compared in a time that tells nothing; a number is not used again while a
 * client has it.
 */
import { equalSecret } from "../base/bytes.ts";
import type { Rng } from "../base/rng.ts";

/** What a client of protocol 3.0 sends back. */
const SECRET_BYTES = 4;
/** The number has 31 bits, because some drivers keep it signed: which process, and which client. */
const SERIAL_BITS = 20;
const SERIALS = 1 << SERIAL_BITS;
const OWNER_MASK = (1 << (31 - SERIAL_BITS)) - 1;

export interface CancelKey {
  readonly processId: number;
  readonly secret: Uint8Array;
}

interface Held<Client> {
  readonly secret: Uint8Array;
  readonly client: Client;
}

export class CancelKeys<Client> {
  readonly #rng: Rng;
  readonly #prefix: number;
  /** So that numbers do not tell how many clients there are. */
  readonly #mask: number;
  readonly #held = new Map<number, Held<Client>>();
  #next = 0;

  /** `owner` names this process; `mask` is the same in all processes of the box, and nobody else knows it. */
  constructor(rng: Rng, owner: number, mask: number) {
    this.#rng = rng;
    this.#prefix = (owner & OWNER_MASK) << SERIAL_BITS;
    this.#mask = mask & 0x7fffffff;
  }

  issue(client: Client): CancelKey {
    while (this.#held.has(this.#next)) this.#next = (this.#next + 1) % SERIALS;
    const serial = this.#next;
    this.#next = (serial + 1) % SERIALS;
    const secret = new Uint8Array(SECRET_BYTES);
    this.#rng.fill(secret);
    this.#held.set(serial, { secret, client });
    return { processId: (this.#prefix | serial) ^ this.#mask, secret };
  }

  forget({ processId }: CancelKey): void {
    this.#held.delete((processId ^ this.#mask) & (SERIALS - 1));
  }

  /** Whether the number is one that this process gives. */
  isOurs(processId: number): boolean {
    return (processId ^ this.#mask) >>> SERIAL_BITS === this.#prefix >>> SERIAL_BITS;
  }

  /** Undefined for a wrong key, and for one whose client is gone. */
  find(processId: number, secret: Uint8Array): Client | undefined {
    if (!this.isOurs(processId)) return undefined;
    const held = this.#held.get((processId ^ this.#mask) & (SERIALS - 1));
    return held !== undefined && equalSecret(held.secret, secret) ? held.client : undefined;
  }
}
