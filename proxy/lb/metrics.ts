/**
 * What the lb counts, by the names that HAProxy's exporter gives them, so that dashboards made for it show this, too. Counts
 * are fields of the objects that they are about; here they get their names.
 */
import type { MetricRow, Metrics } from "../base/metrics.ts";
import type { Target } from "../upstream/target.ts";
import type { TargetCheck } from "./check-target.ts";
import type { Checks } from "./checks.ts";
import type { Group, Server } from "./groups.ts";
import { makeTcpCounts, type TcpCounts } from "./tcp-counts.ts";

/** What a listener counts. */
export interface FrontCounts extends TcpCounts {
  refused: number;
  requests: number;
}

export function noCounts(): FrontCounts {
  return { ...makeTcpCounts(), refused: 0, requests: 0 };
}

const FRONT = ["proxy"] as const;
const BACK = ["proxy"] as const;
const SERVER = ["proxy", "server"] as const;

export const lbMetrics = {
  frontSessions: {
    name: "haproxy_frontend_current_sessions",
    kind: "gauge",
    labels: FRONT,
    help: "Connections of clients that are open, by listening address",
  },
  frontConnections: {
    name: "haproxy_frontend_connections_total",
    kind: "counter",
    labels: FRONT,
    help: "Connections of clients that were accepted",
  },
  frontRefused: {
    name: "haproxy_frontend_denied_connections_total",
    kind: "counter",
    labels: FRONT,
    help: "Connections that were turned away because of clients_max",
  },
  frontRequests: {
    name: "haproxy_frontend_http_requests_total",
    kind: "counter",
    labels: FRONT,
    help: "Requests whose head was complete and good",
  },
  frontErrors: {
    name: "haproxy_frontend_request_errors_total",
    kind: "counter",
    labels: FRONT,
    help: "Exchanges and conversations that ended other than well",
  },
  frontBytesIn: {
    name: "haproxy_frontend_bytes_in_total",
    kind: "counter",
    labels: FRONT,
    help: "Bytes that came from clients",
  },
  backRequests: {
    name: "haproxy_backend_http_requests_total",
    kind: "counter",
    labels: BACK,
    help: "Requests, by upstream",
  },
  backResponses: {
    name: "haproxy_backend_http_responses_total",
    kind: "counter",
    labels: ["proxy", "code"],
    help: "Responses, by upstream and class of status; ours are among them",
  },
  backBytesIn: {
    name: "haproxy_backend_bytes_in_total",
    kind: "counter",
    labels: BACK,
    help: "Bytes of bodies that came from clients",
  },
  backBytesOut: {
    name: "haproxy_backend_bytes_out_total",
    kind: "counter",
    labels: BACK,
    help: "Bytes of bodies that came from servers",
  },
  backQueue: {
    name: "haproxy_backend_current_queue",
    kind: "gauge",
    labels: BACK,
    help: "Requests that wait for a server",
  },
  backServers: {
    name: "haproxy_backend_active_servers",
    kind: "gauge",
    labels: BACK,
    merge: "max",
    help: "Servers that may be used",
  },
  serverSessions: {
    name: "haproxy_server_current_sessions",
    kind: "gauge",
    labels: SERVER,
    help: "Exchanges, tunnels and TCP connections that are under way",
  },
  serverPicks: {
    name: "haproxy_server_sessions_total",
    kind: "counter",
    labels: SERVER,
    help: "How often the server was picked",
  },
  serverIdle: {
    name: "haproxy_server_idle_connections_current",
    kind: "gauge",
    labels: SERVER,
    help: "Connections that are kept for the next request",
  },
  serverConnections: {
    name: "haproxy_server_connection_attempts_total",
    kind: "counter",
    labels: SERVER,
    help: "Connections that were dialled for requests",
  },
  serverReuses: {
    name: "haproxy_server_connection_reuses_total",
    kind: "counter",
    labels: SERVER,
    help: "Requests that went over a connection that was kept",
  },
  serverConnectErrors: {
    name: "haproxy_server_connection_errors_total",
    kind: "counter",
    labels: SERVER,
    help: "Dials that failed",
  },
  serverErrors: {
    name: "haproxy_server_response_errors_total",
    kind: "counter",
    labels: SERVER,
    help: "Exchanges that lost their server",
  },
  serverRetries: {
    name: "haproxy_server_retry_warnings_total",
    kind: "counter",
    labels: SERVER,
    help: "Exchanges that were tried again behind that",
  },
  serverStatus: {
    name: "haproxy_server_status",
    kind: "gauge",
    labels: SERVER,
    help: "1 if the checks say that the server is up",
  },
  serverChecks: {
    name: "haproxy_server_checks_total",
    kind: "counter",
    labels: SERVER,
    help: "Checks that were made",
  },
  serverCheckFailures: {
    name: "haproxy_server_check_failures_total",
    kind: "counter",
    labels: SERVER,
    help: "Checks that were bad",
  },
} as const satisfies { readonly [name: string]: MetricRow };

export function countFront(metrics: Metrics, address: string, counts: FrontCounts): void {
  const rows = lbMetrics;
  metrics.sampled(rows.frontSessions, () => counts.open, address);
  metrics.sampled(rows.frontConnections, () => counts.connections, address);
  metrics.sampled(rows.frontRefused, () => counts.refused, address);
  metrics.sampled(rows.frontRequests, () => counts.requests, address);
  metrics.sampled(rows.frontErrors, () => counts.failures, address);
  metrics.sampled(rows.frontBytesIn, () => counts.bytesIn, address);
}

export function countGroup(metrics: Metrics, group: Group): void {
  const rows = lbMetrics;
  const { name, upstream, responses } = group;
  metrics.sampled(rows.backRequests, () => group.requests, name);
  metrics.sampled(rows.backBytesIn, () => group.bytesIn, name);
  metrics.sampled(rows.backBytesOut, () => group.bytesOut, name);
  metrics.sampled(rows.backQueue, () => upstream.waiting.length, name);
  metrics.sampled(rows.backServers, () => upstream.usable, name);
  for (let digit = 1; digit < responses.length; digit++) {
    metrics.sampled(rows.backResponses, () => responses[digit] ?? 0, name, `${digit}xx`);
  }
}

/** Not for those that the keeper pushes: their names are never used twice, and would be kept for ever. */
export function countServer(metrics: Metrics, group: Group, target: Target<Server>): void {
  const rows = lbMetrics;
  const labels = [group.name, target.key] as const;
  const { own } = target;
  metrics.sampled(rows.serverSessions, () => target.inFlight, ...labels);
  metrics.sampled(rows.serverPicks, () => target.picks, ...labels);
  metrics.sampled(rows.serverIdle, () => own.idle.length, ...labels);
  metrics.sampled(rows.serverConnections, () => own.connections, ...labels);
  metrics.sampled(rows.serverReuses, () => own.reuses, ...labels);
  metrics.sampled(rows.serverConnectErrors, () => target.connectsFailed, ...labels);
  metrics.sampled(rows.serverErrors, () => own.gone, ...labels);
  metrics.sampled(rows.serverRetries, () => own.retries, ...labels);
}

/** In the steward. A target that is on no list any more is not up. */
export function countCheck(metrics: Metrics, checks: Checks, { upstream, key }: TargetCheck): void {
  const rows = lbMetrics;
  metrics.sampled(rows.serverStatus, () => (checks.find(upstream, key)?.verdict === "up" ? 1 : 0), upstream, key);
  metrics.sampled(rows.serverChecks, () => checks.find(upstream, key)?.checks ?? 0, upstream, key);
  metrics.sampled(rows.serverCheckFailures, () => checks.find(upstream, key)?.failures ?? 0, upstream, key);
}
