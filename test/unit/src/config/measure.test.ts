import { describe, expect, test } from "bun:test";
import {
  formatBytes,
  formatDuration,
  meantDuration,
  parseBytes,
  parseDuration,
} from "../../../../src/config/measure.ts";

describe("durations", () => {
  test.each([
    ["0s", 0],
    ["250ms", 250],
    ["30s", 30_000],
    ["1m30s", 90_000],
    ["1.5h", 5_400_000],
    ["2d", 172_800_000],
    ["1h 5m", 3_900_000],
    ["30 s", 30_000],
  ])("parseDuration: %s", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each(["", "30", "s", "-5s", "30S", "30 seconds", "1m30", "1e3s", " 30s", "30s,", "1y"])(
    "parseDuration: refuses %p",
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );

  test.each([0, 1, 999, 1_000, 30_000, 90_000, 3_600_000, 86_400_000, 259_200_000, 5_400_250])(
    "formatDuration: %p comes back",
    (ms) => {
      expect(parseDuration(formatDuration(ms))).toBe(ms);
    },
  );

  test.each([
    ["30", "30s"],
    ["30 seconds", "30s"],
    ["5 Min.", "5m"],
    ["half a minute", undefined],
    ["", undefined],
    ["3 constructor", undefined],
  ])("meantDuration: %p", (text, meant) => {
    expect(meantDuration(text)).toBe(meant as string);
  });
});

describe("sizes", () => {
  test.each([
    ["0B", 0],
    ["512MB", 536_870_912],
    ["512 mib", 536_870_912],
    ["1.5GB", 1_610_612_736],
    ["64k", 65_536],
    ["1TB", 2 ** 40],
  ])("parseBytes: %s", (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });

  test.each(["", "512", "MB", "-1MB", "1PB", "512 megabytes", "1M B"])("parseBytes: refuses %p", (text) => {
    expect(parseBytes(text)).toBeUndefined();
  });

  test.each([0, 1, 1_023, 1_024, 1_536, 2 ** 20, 2 ** 30, 2 ** 40, 33_554_432])(
    "formatBytes: %p comes back",
    (bytes) => {
      expect(parseBytes(formatBytes(bytes))).toBe(bytes);
    },
  );
});
