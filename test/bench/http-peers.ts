/**
 * The balancers that are compared, each one process in front of the same server, in a configuration that a careful person
 * would run: connections to the server kept, no access log, the same fields added (X-Forwarded-*, X-Request-Id), buffers
 * that hold the larger answers. And that server: nginx, from memory.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../kit/free-port.ts";
import type { Bench } from "./bench.ts";
import { root } from "./bench.ts";
import type { Side } from "./contest.ts";
import { startDaemon, type Daemon } from "./daemon.ts";

export interface Balancer extends Side, Daemon {
  readonly url: string;
  readonly tlsUrl: string;
}

export interface Programs {
  readonly nginx: string;
  readonly haproxy: string;
}

/** Paths that the server answers, and how large its answer is. */
export const PATHS = { small: "/small", realistic: "/realistic", "16 KiB": "/16k", "1 MiB": "/1m" } as const;

const CERT = join(root, "test/data/tls/server.pem");
const KEY = join(root, "test/data/tls/server.key");
const CLIENTS_MAX = 8_192;

export async function startBackend(
  { folder }: Bench,
  { nginx }: Programs,
): Promise<Daemon & { readonly port: number }> {
  const place = join(folder, "backend");
  mkdirSync(join(place, "files"), { recursive: true });
  writeFileSync(join(place, "files/16k"), "x".repeat(16 * 1_024));
  writeFileSync(join(place, "files/1m"), "x".repeat(1_048_576));
  const port = freePort();
  const conf = nginxConf(place, [
    `server {`,
    `  listen 127.0.0.1:${port} backlog=4096;`,
    `  root ${join(place, "files")};`,
    `  location = /small { default_type text/plain; return 200 "Hello, world!"; }`,
    `  location = /realistic {`,
    `    default_type application/json;`,
    `    add_header cache-control "no-cache, no-store, must-revalidate";`,
    `    add_header etag '"33a64df551425fcc55e4d42a148795d9f25f89d4"';`,
    `    add_header set-cookie "session=8f14e45fceea167a5a36dedd4bea2543; Path=/; HttpOnly; Secure; SameSite=Lax";`,
    `    add_header strict-transport-security "max-age=31536000";`,
    `    add_header vary "Accept-Encoding, Origin";`,
    `    return 200 '{"id":7,"name":"Person 7","email":"person7@example.com"}';`,
    `  }`,
    `}`,
  ]);
  return { ...(await startDaemon({ argv: nginxArgv(nginx, place, conf), ports: [port] })), port };
}

export async function startNginx({ folder }: Bench, { nginx }: Programs, backend: number): Promise<Balancer> {
  const place = join(folder, "nginx");
  mkdirSync(place);
  const [port, tlsPort] = [freePort(), freePort()];
  const conf = nginxConf(place, [
    `upstream app { server 127.0.0.1:${backend}; keepalive 512; keepalive_requests 1000000000; }`,
    `server {`,
    `  listen 127.0.0.1:${port} backlog=4096;`,
    `  listen 127.0.0.1:${tlsPort} ssl backlog=4096;`,
    `  ssl_certificate ${CERT}; ssl_certificate_key ${KEY};`,
    `  ssl_protocols TLSv1.2 TLSv1.3;`,
    `  location / {`,
    `    proxy_pass http://app;`,
    `    proxy_http_version 1.1;`,
    `    proxy_set_header Connection "";`,
    `    proxy_set_header Host $http_host;`,
    `    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;`,
    `    proxy_set_header X-Forwarded-Proto $scheme;`,
    `    proxy_set_header X-Forwarded-Host $http_host;`,
    `    proxy_set_header X-Request-Id $request_id;`,
    `    proxy_buffer_size 16k; proxy_buffers 32 64k; proxy_busy_buffers_size 128k; proxy_max_temp_file_size 0;`,
    `  }`,
    `}`,
  ]);
  const daemon = await startDaemon({ argv: nginxArgv(nginx, place, conf), ports: [port, tlsPort] });
  return { ...daemon, name: "nginx", ...urls(port, tlsPort) };
}

export async function startHaproxy({ folder }: Bench, { haproxy }: Programs, backend: number): Promise<Balancer> {
  const place = join(folder, "haproxy");
  mkdirSync(place);
  const [port, tlsPort] = [freePort(), freePort()];
  const bundle = join(place, "both.pem");
  writeFileSync(bundle, (await Bun.file(CERT).text()) + (await Bun.file(KEY).text()));
  const conf = join(place, "haproxy.cfg");
  writeFileSync(
    conf,
    `global
  nbthread 1
  maxconn ${CLIENTS_MAX}
  ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
  mode http
  timeout client 75s
  timeout server 60s
  timeout connect 2s
  timeout http-request 10s
  option forwardfor
  http-reuse always
frontend all
  bind 127.0.0.1:${port} backlog 4096
  bind 127.0.0.1:${tlsPort} ssl crt ${bundle} backlog 4096
  http-request set-header X-Forwarded-Proto https if { ssl_fc }
  http-request set-header X-Forwarded-Proto http if !{ ssl_fc }
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request set-header X-Request-Id %[uuid()]
  default_backend app
backend app
  server one 127.0.0.1:${backend} pool-max-conn -1
`,
  );
  const daemon = await startDaemon({ argv: [haproxy, "-db", "-q", "-f", conf], ports: [port, tlsPort] });
  return { ...daemon, name: "HAProxy", ...urls(port, tlsPort) };
}

export async function startScaleLb({ folder, executable }: Bench, backend: number): Promise<Balancer> {
  const place = join(folder, "lb");
  mkdirSync(place);
  const [port, tlsPort] = [freePort(), freePort()];
  const conf = join(place, "lb.toml");
  writeFileSync(
    conf,
    `[lb]
workers = 1

[[lb.listen]]
address = "127.0.0.1:${port}"

[[lb.listen]]
address = "127.0.0.1:${tlsPort}"
tls = { cert = "${CERT}", key = "${KEY}" }

[lb.upstreams.app]
servers = ["127.0.0.1:${backend}"]
`,
  );
  const words = ["--role", "lb", "--config", conf, "--admin", `unix:${join(place, "admin")}`, "--log-level", "warn"];
  const daemon = await startDaemon({ argv: [executable, ...words], ports: [port, tlsPort] });
  return { ...daemon, name: "scale", ...urls(port, tlsPort) };
}

function urls(port: number, tlsPort: number): { readonly url: string; readonly tlsUrl: string } {
  return { url: `http://127.0.0.1:${port}`, tlsUrl: `https://127.0.0.1:${tlsPort}` };
}

function nginxArgv(nginx: string, place: string, conf: string): readonly string[] {
  return [nginx, "-p", place, "-c", conf, "-e", join(place, "error.log")];
}

/** One worker process, everything it writes below `place`. */
function nginxConf(place: string, http: readonly string[]): string {
  const file = join(place, "nginx.conf");
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const lines = [
    ...(process.getuid?.() === 0 ? ["user root;"] : []),
    "daemon off;",
    "worker_processes 1;",
    `pid ${join(place, "nginx.pid")};`,
    `error_log ${join(place, "error.log")} crit;`,
    `events { worker_connections ${CLIENTS_MAX}; }`,
    "http {",
    "access_log off; server_tokens off; etag off;",
    "sendfile on; tcp_nopush on; tcp_nodelay on;",
    "open_file_cache max=100 inactive=1h; open_file_cache_valid 1h;",
    "keepalive_timeout 75s; keepalive_requests 1000000000;",
    ...temporary.map((kind) => `${kind}_temp_path ${join(place, kind)};`),
    ...http,
    "}",
  ];
  writeFileSync(file, `${lines.join("\n")}\n`);
  return file;
}
