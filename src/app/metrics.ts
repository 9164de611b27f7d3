/** What a worker of the app counts. */
import type { MetricRow } from "../../proxy/base/metrics.ts";

export const appMetrics = {
  requests: {
    name: "scale_app_requests_total",
    kind: "counter",
    help: "Requests that the program has been given.",
  },
  inFlight: {
    name: "scale_app_requests_in_flight",
    kind: "gauge",
    help: "Requests whose response is not sent yet.",
  },
  webSockets: {
    name: "scale_app_websockets",
    kind: "gauge",
    help: "Open WebSockets of the program.",
  },
} as const satisfies Record<string, MetricRow>;
