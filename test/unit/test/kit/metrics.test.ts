/** Tests of test/kit/metrics.ts. */
import { expect, test } from "bun:test";
import type { MetricRow } from "../../../../proxy/base/metrics.ts";
import { FakeMetrics } from "../../../kit/metrics.ts";

const REQUESTS: MetricRow = { name: "requests_total", kind: "counter", help: "Requests", labels: ["route", "code"] };
const LINKS: MetricRow = { name: "links", kind: "gauge", help: "Links" };
const WAIT: MetricRow = { name: "wait_seconds", kind: "histogram", help: "Wait", buckets: [0.1, 1] };

test("FakeMetrics: gives the same object for the same labels, another for others, and reads them", () => {
  const metrics = new FakeMetrics();
  const one = metrics.counter(REQUESTS, "/", "200");
  one.value += 2;
  metrics.counter({ ...REQUESTS }, "/", "500").value += 1;
  expect(metrics.counter({ ...REQUESTS }, "/", "200")).toBe(one);
  expect(metrics.value("requests_total", "/", "200")).toBe(2);
  expect(metrics.value("requests_total", "/", "500")).toBe(1);
  expect(metrics.value("requests_total", "/", "404")).toBeUndefined();
});

test("FakeMetrics: keeps apart label values that would read the same when joined", () => {
  const metrics = new FakeMetrics();
  expect(metrics.counter(REQUESTS, 'a","b', "c")).not.toBe(metrics.counter(REQUESTS, "a", 'b","c'));
});

test("FakeMetrics: a gauge can be set or sampled, a histogram keeps what it observed", () => {
  const metrics = new FakeMetrics();
  metrics.gauge(LINKS).value = 4;
  expect(metrics.value("links")).toBe(4);
  let now = 1;
  metrics.sampled({ ...LINKS, name: "clients" }, () => now);
  now = 9;
  expect(metrics.value("clients")).toBe(9);
  const wait = metrics.histogram(WAIT);
  expect(metrics.histogram(WAIT)).toBe(wait);
  wait.observe(0.5);
  wait.observe(3);
  expect([metrics.value("wait_seconds"), metrics.observed("wait_seconds")]).toEqual([2, [0.5, 3]]);
  expect(metrics.observed("links")).toEqual([]);
  expect(metrics.names()).toEqual(["links", "clients", "wait_seconds"]);
});

test("FakeMetrics: is as strict as the contract", () => {
  const metrics = new FakeMetrics();
  expect(() => metrics.gauge(REQUESTS, "/", "200")).toThrow('Cannot count "requests_total": it is a counter');
  expect(() => metrics.counter(REQUESTS, "/")).toThrow('Cannot count "requests_total": it has 2 labels, not 1');
  expect(() => metrics.sampled(WAIT, () => 1)).toThrow("it is a histogram");
  metrics.gauge(LINKS);
  expect(() => metrics.gauge({ ...LINKS, help: "Others" })).toThrow('Cannot count "links": it has another row');
});
