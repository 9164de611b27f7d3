/**
 * The right to do what only one box of many may do (auto-scaling, feeding a cache, resolving transactions).
 * The fencing token grows with every new holder, so that what a late former holder writes can be refused.
 */
export interface Leases {
  /** Takes or renews the lease. `undefined`: another holds it. */
  acquire(name: string, ttlMs: number): Promise<Lease | undefined>;
}

export interface Lease {
  readonly token: number;
  release(): Promise<void>;
}
