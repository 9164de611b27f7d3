/** Conversations of one or a few clients with an lb, as rows that every engine of the network runs. */
import { expect } from "bun:test";
import { answering, type LbRig, type LbWishes, ok, requestAt, upstreamOf } from "../../kit/lb-rig.ts";

export type LbRow = readonly [what: string, run: (lb: LbRig) => Promise<void>];

export const GET = "GET /a?b=c HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: t\r\n\r\n";

/** An lb before one server that answers so. */
async function before(lb: LbRig, answer: (request: string) => string, wishes: LbWishes = {}) {
  const server = lb.serve(answering(answer));
  await lb.start({ servers: [server.address], ...wishes });
  return server;
}

function bodyOf(request: string): string {
  return request.slice(request.indexOf("\r\n\r\n") + 4);
}

export const PLAIN_ROWS: readonly LbRow[] = [
  [
    "a request reaches the server with what a proxy adds, and its response the client",
    async (lb) => {
      const server = await before(lb, () => ok("hello", "X-Own: 1\r\n"));
      const client = await lb.dial();
      client.send(GET);
      await lb.rig.until("it is answered", () => client.text.endsWith("hello"));
      expect(client.text).toBe("HTTP/1.1 200 OK\r\nX-Own: 1\r\nContent-Length: 5\r\n\r\nhello");
      const text = server.all[0]?.text ?? "";
      expect(text.replace(/X-Request-Id: [0-9a-f]{16}-1\r\n/, "X-Request-Id: ID\r\n")).toBe(
        "GET /a?b=c HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: t\r\nX-Forwarded-For: 127.0.0.1\r\n" +
          "X-Forwarded-Proto: http\r\nX-Forwarded-Host: shop.example\r\nX-Request-Id: ID\r\n\r\n",
      );
    },
  ],
  [
    "what a client says of itself and of hops is not believed",
    async (lb) => {
      const server = await before(lb, () => ok("x"));
      const client = await lb.dial();
      client.send(
        "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n" +
          "Connection: X-Auth\r\nX-Auth: 1\r\nUpgrade: h2c\r\nX-Request-Id: mine\r\n\r\n",
      );
      await lb.rig.until("it is answered", () => client.text.endsWith("x"));
      const text = server.all[0]?.text ?? "";
      expect(text).not.toContain("6.6.6.6");
      expect(text).not.toMatch(/x-auth|upgrade|connection/i);
      expect(text).toContain("X-Request-Id: mine\r\n");
    },
  ],
  [
    "both sides keep their connections, and pipelined requests are answered in order",
    async (lb) => {
      const server = await before(lb, (request) => ok(request.split(" ")[1] ?? ""));
      const client = await lb.dial();
      client.send(["/1", "/2", "/3"].map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(""));
      await lb.rig.until("all are answered", () => client.text.endsWith("/3"));
      expect(client.text.split(/HTTP\/1\.1 200 OK\r\nContent-Length: 2\r\n\r\n/)).toEqual(["", "/1", "/2", "/3"]);
      expect(server.all.length).toBe(1);
    },
  ],
  [
    "chunks and trailers pass both ways",
    async (lb) => {
      const answer =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n";
      const server = await before(lb, () => answer);
      const client = await lb.dial();
      client.send(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwxyz\r\n0\r\nX-Check: 1\r\n\r\n",
      );
      await lb.rig.until("it is answered", () => client.text.includes("X-Sum"));
      const { text } = server.all[0] ?? { text: "" };
      expect(text).toMatch(/\r\nTransfer-Encoding: chunked\r\n/);
      expect(text.replaceAll(/\r\n[0-9a-f]+\r\n|\r\n/g, "")).toContain("wxyz");
      expect(text).toEndWith("0\r\nX-Check: 1\r\n\r\n");
      expect(client.text).toEndWith("0\r\nX-Sum: 5\r\n\r\n");
    },
  ],
  [
    "HEAD, 204 and 304 have no body, and the connections go on",
    async (lb) => {
      const server = await before(lb, (request) => {
        if (request.startsWith("HEAD")) return "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n";
        if (request.includes(" /304 ")) return 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n';
        return "HTTP/1.1 204 No Content\r\n\r\n";
      });
      const client = await lb.dial();
      client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
      client.send("GET /304 HTTP/1.1\r\nHost: a\r\n\r\nGET /204 HTTP/1.1\r\nHost: a\r\n\r\n");
      await lb.rig.until("all are answered", () => client.text.endsWith("204 No Content\r\n\r\n"));
      expect(client.text).toContain("Content-Length: 7\r\n\r\nHTTP/1.1 304");
      expect(server.all.length).toBe(1);
    },
  ],
  [
    "a client that waits for 100 gets it from the server",
    async (lb) => {
      const server = lb.serve((text, answered) => {
        if (answered === 0 && text.includes("\r\n\r\n")) return "HTTP/1.1 100 Continue\r\n\r\n";
        return answered === 1 && text.endsWith("body") ? ok("done") : undefined;
      });
      await lb.start({ servers: [server.address] });
      const client = await lb.dial();
      client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
      await lb.rig.until("it may go on", () => client.text.includes("100 Continue"));
      client.send("body");
      await lb.rig.until("it is answered", () => client.text.endsWith("done"));
    },
  ],
  [
    "an early response ends the exchange, and the rest of the body is read and thrown away",
    async (lb) => {
      const server = lb.serve((text, answered) => (answered === 0 && text.includes("\r\n\r\n") ? ok("no") : undefined));
      await lb.start({ servers: [server.address] });
      const client = await lb.dial();
      client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345");
      await lb.rig.until("it is answered", () => client.text.endsWith("no"));
      client.send("67890GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      await lb.rig.until("the next is answered", () => client.text.split("200 OK").length === 3);
      expect(server.all.length).toBe(2);
    },
  ],
  [
    "an upgrade makes a tunnel of both connections, with half-closes",
    async (lb) => {
      const server = lb.serve(
        (text, answered) => {
          if (answered === 0) {
            const head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly ";
            return text.includes("\r\n\r\n") ? head : undefined;
          }
          const said = text.slice(text.indexOf("\r\n\r\n") + 4);
          if (said.endsWith("!") && answered === 1) return `echo ${said}`;
          return undefined;
        },
        { end: (peer) => (peer.send(" bye"), peer.end()) },
      );
      await lb.start({ servers: [server.address] });
      const client = await lb.dial();
      client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
      await lb.rig.until("it switches", () => client.text.endsWith("early "));
      client.send("hello!");
      await lb.rig.until("it echoes", () => client.text.endsWith("echo hello!"));
      client.end();
      await lb.rig.until("both have ended", () => client.ended && client.closed);
      expect(client.text).toEndWith("echo hello! bye");
      expect(server.all[0]?.text).toContain("Connection: Upgrade\r\nUpgrade: echo\r\n");
    },
  ],
  [
    "bodies pass in constant memory, and a slow reader stops its server",
    async (lb) => {
      const { bytesMax } = lb;
      const body = "x".repeat(bytesMax);
      const server = await before(lb, () => ok(body));
      const client = await lb.dial();
      client.pause();
      client.send(GET);
      await lb.rig.settle();
      expect(lb.worker.budget.lentBytes).toBeLessThan(3_000_000);
      client.resume();
      await lb.rig.until("all has come", () => client.bytes >= bytesMax);
      expect(server.all.length).toBe(1);
    },
  ],
  [
    "a large upload arrives whole",
    async (lb) => {
      const body = "y".repeat(lb.bytesMax);
      let got = 0;
      await before(lb, (request) => {
        got = bodyOf(request).length;
        return ok("got it");
      });
      const client = await lb.dial();
      client.send(`PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      await lb.rig.until("it is answered", () => client.text.endsWith("got it"));
      expect(got).toBe(body.length);
    },
  ],
];

export const TROUBLE_ROWS: readonly LbRow[] = [
  [
    "hostile bytes are refused, and no server hears of them",
    async (lb) => {
      const server = await before(lb, () => ok("x"));
      const client = await lb.dial();
      client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
      await lb.rig.until("it is refused", () => client.ended);
      expect(client.text).toStartWith("HTTP/1.1 400 Bad Request\r\n");
      expect(client.text).toContain("Connection: close");
      expect(server.all).toEqual([]);
    },
  ],
  [
    "a host or a path that no route has gets 404, an ambiguous path 400, with the id of the request",
    async (lb) => {
      const [one, two] = [lb.serve(answering(() => ok("one"))), lb.serve(answering(() => ok("two")))];
      await lb.start({
        upstreams: [upstreamOf("one", [one.address]), upstreamOf("two", [two.address])],
        routes: [
          { host: "shop.example", path: "/api", upstream: "one" },
          { host: "*.example", path: "/", upstream: "two" },
        ],
      });
      const client = await lb.dial();
      const ask = (host: string, path: string): void =>
        void client.send(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nX-Request-Id: mine\r\n\r\n`);
      ask("shop.example", "/api/x");
      ask("SHOP.Example", "/apix");
      ask("example", "/");
      ask("shop.example", "/api/%2e%2e/admin");
      await lb.rig.until("all are answered", () => client.text.endsWith("400 AMBIGUOUS_PATH\n"));
      const told = [...client.text.matchAll(/HTTP\/1\.1 \d+|\n(?:one|two)/g)].map(([one]) => one);
      expect(told).toEqual(["HTTP/1.1 200", "\none", "HTTP/1.1 200", "\ntwo", "HTTP/1.1 404", "HTTP/1.1 400"]);
      expect(client.text.match(/X-Request-Id: mine/g)?.length).toBe(2);
    },
  ],
  [
    "a server that refuses is passed over, whatever the method, and rests",
    async (lb) => {
      const dead = lb.serve(() => undefined);
      dead.stop();
      const server = lb.serve(answering((request) => ok(bodyOf(request))));
      await lb.start({ servers: [dead.address, server.address] });
      for (const body of ["one", "two", "three"]) {
        const client = await lb.dial();
        client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
        await lb.rig.until("it is answered", () => client.text.endsWith(`\r\n\r\n${body}`));
      }
    },
  ],
  [
    "nobody to be reached is 502, and nothing hangs",
    async (lb) => {
      const dead = lb.serve(() => undefined);
      dead.stop();
      await lb.start({ servers: [dead.address] });
      const client = await lb.dial();
      client.send(GET);
      await lb.rig.until("it is answered", () => client.text.includes("502 SERVER_UNREACHABLE"));
      client.send(GET);
      await lb.rig.until("it is answered again", () => client.text.split("502 Bad Gateway").length === 3);
    },
  ],
  [
    "a kept connection that its server closes on the next request costs nobody a GET",
    async (lb) => {
      const server = lb.serve((text, answered, { peer }) => {
        const request = requestAt(text, answered);
        if (request === undefined) return undefined;
        if (answered === 0) return ok("good");
        peer.close();
        return undefined;
      });
      await lb.start({ servers: [server.address] });
      const client = await lb.dial();
      for (const count of [1, 2, 3]) {
        client.send(GET);
        await lb.rig.until("it is answered", () => client.text.split("good").length === count + 1);
      }
      expect(server.all.length).toBe(3);
    },
  ],
  [
    "a POST that may have been begun is not sent twice",
    async (lb) => {
      const server = lb.serve((text, answered, { peer }) => {
        if (requestAt(text, answered) === undefined) return undefined;
        if (answered === 0) return ok("good");
        peer.close();
        return undefined;
      });
      const other = lb.serve(answering(() => ok("other")));
      await lb.start({ servers: [server.address, other.address] });
      const client = await lb.dial();
      client.send(GET);
      client.send(GET);
      await lb.rig.until("both are answered", () => client.text.split("200 OK").length === 3);
      client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
      client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
      await lb.rig.until("both are answered", () => client.text.split("HTTP/1.1").length === 5);
      const posts = [...server.all, ...other.all].reduce((sum, { text }) => sum + text.split("POST").length - 1, 0);
      expect([posts, client.text.includes("502 SERVER_GONE")]).toEqual([2, true]);
    },
  ],
  [
    "a response that breaks off is cut off at the client, too",
    async (lb) => {
      const server = lb.serve((text, answered, { peer }) => {
        if (answered > 0 || requestAt(text, 0) === undefined) return undefined;
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        peer.end();
        return "";
      });
      await lb.start({ servers: [server.address] });
      const client = await lb.dial();
      client.send(GET);
      await lb.rig.until("it is cut", () => client.closed);
      expect(client.text).not.toContain("502");
      expect(server.all.length).toBe(1);
    },
  ],
  [
    "a client that goes away takes its request with it",
    async (lb) => {
      const server = lb.serve(() => undefined);
      await lb.start({ servers: [server.address] });
      const client = await lb.dial();
      client.send(GET);
      await lb.rig.until("it is there", () => server.all[0]?.text.endsWith("\r\n\r\n") === true);
      client.close();
      await lb.rig.until("the server hears of it", () => server.all[0]?.peer.closed === true);
    },
  ],
  [
    "more clients than there may be get 503",
    async (lb) => {
      await before(lb, () => ok("x"), { clientsMax: 1 });
      const client = await lb.dial();
      client.send(GET);
      await lb.rig.until("it is answered", () => client.text.endsWith("x"));
      const other = await lb.dial();
      await lb.rig.until("it is turned away", () => other.ended);
      expect(other.text).toStartWith("HTTP/1.1 503 Service Unavailable\r\n");
      expect(other.text).toContain("Retry-After: 1");
      other.end();
      client.send(GET);
      await lb.rig.until("the first goes on", () => client.text.split("200 OK").length === 3);
    },
  ],
];
