/** What a listener with mode = "tcp" counts: integers that its clients add to. */
export interface TcpCounts {
  connections: number;
  open: number;
  bytesIn: number;
  bytesOut: number;
  retries: number;
  failures: number;
}

export function makeTcpCounts(): TcpCounts {
  return { connections: 0, open: 0, bytesIn: 0, bytesOut: 0, retries: 0, failures: 0 };
}
