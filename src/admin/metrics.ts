/** What every box counts of itself, whatever its role. The vitals of its processes are in `vitals.ts`. */
import type { MetricRow } from "../../proxy/base/metrics.ts";

export const boxRows = {
  build: {
    name: "scale_build_info",
    kind: "gauge",
    help: "Always 1; the labels say which build runs as which box.",
    labels: ["version", "role", "box"],
    merge: "max",
  },
  ready: { name: "scale_box_ready", kind: "gauge", help: "1 when the box takes traffic.", merge: "max" },
  workers: { name: "scale_workers", kind: "gauge", help: "Workers by the state they are in.", labels: ["state"] },
  crews: {
    name: "scale_crew_workers",
    kind: "gauge",
    help: "Workers of each crew by the state they are in: a box with a front has crews app, lb and pool.",
    labels: ["crew", "state"],
  },
  restarts: {
    name: "scale_child_restarts_total",
    kind: "counter",
    help: "How often a crashed process was brought back.",
    labels: ["process", "index"],
  },
  generation: {
    name: "scale_config_generation",
    kind: "gauge",
    help: "Counts the configurations that were applied; 1 is that of the start.",
    merge: "max",
  },
  reloadOk: {
    name: "scale_config_last_reload_successful",
    kind: "gauge",
    help: "1 when the last reload was applied, or there was none; 0 when it was refused.",
    merge: "max",
  },
  reloadTime: {
    name: "scale_config_last_reload_timestamp_seconds",
    kind: "gauge",
    help: "When the last reload was tried, in seconds since 1970 UTC; 0 when there was none.",
    merge: "max",
  },
} as const satisfies Record<string, MetricRow>;
