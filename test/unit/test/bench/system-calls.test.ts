import { expect, test } from "bun:test";
import { readStrace } from "../../../bench/system-calls.ts";

const TABLE = `strace: Process 12 attached
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 61.11    0.110000           5      2000           sendto
 38.00    0.070000           3      2100       100 recvfrom
  0.89    0.001000          10       100           epoll_wait
------ ----------- ----------- --------- --------- ----------------
100.00    0.181000           4      4200       100 total
strace: Process 12 detached
`;

test("readStrace: counts the calls of each kind for a request, the most frequent first", () => {
  expect(readStrace(TABLE, 1_000)).toEqual({ perRequest: 4.2, most: "recvfrom 2.10, sendto 2.00, epoll_wait 0.10" });
});

test("readStrace: says what it cannot read", () => {
  expect(() => readStrace("strace: attach: ptrace: Operation not permitted", 1)).toThrow("Operation not permitted");
});
