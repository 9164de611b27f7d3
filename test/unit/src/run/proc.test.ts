/** What /proc and the control groups say. */
import { expect, test } from "bun:test";
import {
  groupLimitFiles,
  heldBytes,
  isAlive,
  memoryTotalBytes,
  residentBytes,
  startTicks,
} from "../../../../src/run/proc.ts";

test("groupLimitFiles: of its own group and of all above, version 2", () => {
  expect(groupLimitFiles("0::/system.slice/scale@app.service\n")).toEqual([
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/system.slice/memory.max",
    "/sys/fs/cgroup/system.slice/scale@app.service/memory.max",
  ]);
});

test("groupLimitFiles: version 1 has a tree for memory, the others do not count", () => {
  expect(groupLimitFiles("7:memory:/box\n3:cpu,cpuacct:/box\n1:name=systemd:/\n")).toEqual([
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    "/sys/fs/cgroup/memory/box/memory.limit_in_bytes",
  ]);
});

test("groupLimitFiles: nothing for what it does not understand", () => {
  expect(groupLimitFiles("")).toEqual([]);
  expect(groupLimitFiles("nonsense\n0::relative\n")).toEqual([]);
});

test("memoryTotalBytes: more than this process, and no more than the machine", () => {
  expect(memoryTotalBytes()).toBeGreaterThan(residentBytes(process.pid));
});

test("heldBytes: less than what is resident, since program files are shared; 0 when it is gone", () => {
  expect(heldBytes(process.pid)).toBeGreaterThan(0);
  expect(heldBytes(process.pid)).toBeLessThan(residentBytes(process.pid));
  expect(heldBytes(2 ** 30)).toBe(0);
});

test("isAlive and startTicks: of a process that is there, and of one that is not", () => {
  expect(isAlive(process.pid)).toBe(true);
  expect(startTicks(process.pid)).toMatch(/^\d+$/);
  expect(isAlive(2 ** 30)).toBe(false);
  expect(startTicks(2 ** 30)).toBeUndefined();
});
