/** Tests how the benchmarks read what load generators say. */
import { expect, test } from "bun:test";
import { readH2load, readWrk } from "../../../bench/load.ts";

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

const h2load = (statuses: string, failed = 0) => `finished in 1.00s, 40430.00 req/s, 4.47MB/s
requests: 40430 total, 40434 started, 40430 done, 40430 succeeded, ${failed} failed, 0 errored, 0 timeout
status codes: ${statuses}
traffic: 4.47MB (4689880) total, 3.24MB (3396204) headers (space savings 0.00%), 39.48KB (40431) data
                     min         max         mean         sd        +/- sd
time for request:       18us      5.13ms        98us       114us    96.16%
time for connect:       10us        38us        26us        11us    75.00%
`;

test("readH2load: reads counts and the mean", () => {
  const heard = readH2load(h2load("40430 2xx, 0 3xx, 0 4xx, 0 5xx"));
  expect(heard).toEqual({ requests: 40_430, perSecond: 40_430, meanMs: 0.098 });
});

test("readH2load: refuses a run with failures, bad statuses, or no counts at all", () => {
  expect(() => readH2load(h2load("40430 2xx, 0 3xx, 0 4xx, 0 5xx", 1))).toThrow("Cannot use");
  expect(() => readH2load(h2load("40420 2xx, 0 3xx, 0 4xx, 10 5xx"))).toThrow("10 5xx");
  expect(() => readH2load("nothing")).toThrow("Cannot read");
});
