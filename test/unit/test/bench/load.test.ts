/** Tests how the benchmarks read what wrk says. */
import { expect, test } from "bun:test";
import { readWrk } from "../../../bench/load.ts";

const said = (p50: string, p99: string, more = "") => `Running 1s test @ http://127.0.0.1:1/x
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.11ms  100.00us   9.99ms   95.00%
    Req/Sec    55.00k     1.00k   56.00k    90.00%
  Latency Distribution
     50%    ${p50}
     75%    1.20ms
     90%    1.30ms
     99%    ${p99}
  55023 requests in 1.01s, 8.03MB read
${more}Requests/sec:  54478.22
Transfer/sec:      7.95MB
`;

const times: readonly [text: string, ms: number][] = [
  ["871.00us", 0.871],
  ["1.11ms", 1.11],
  ["2.50s", 2500],
  ["1.00m", 60_000],
  ["1.06s ", 1060],
];

for (const [text, ms] of times) {
  test(`readWrk: reads ${text}`, () => {
    expect(readWrk(said(text, "3.00ms"))).toEqual({ requests: 55_023, perSecond: 54_478.22, p50Ms: ms, p99Ms: 3 });
    expect(readWrk(said("3.00ms", text)).p99Ms).toBe(ms);
  });
}

const bad: readonly [what: string, text: string, message: string][] = [
  ["errors of the server", said("1ms", "1ms", "  Non-2xx or 3xx responses: 17\n"), "Non-2xx or 3xx responses: 17"],
  ["errors of the sockets", said("1ms", "1ms", "  Socket errors: connect 0, read 1, write 0, timeout 0\n"), "read 1"],
  ["nothing", "", "no /(\\d+) requests in /"],
  ["a time without a unit", said("12", "1ms"), '"12" is no time'],
];

for (const [what, text, message] of bad) {
  test(`readWrk: refuses ${what}`, () => {
    expect(() => readWrk(text)).toThrow(message);
  });
}
