/** What changes while clients are there, and TLS, as rows that every engine of the network runs. */
import { expect } from "bun:test";
import type { TlsContext } from "../../../proxy/net/wire.ts";
import { answering, ok, requestAt, setupOf } from "../../kit/lb-rig.ts";
import { GET, type LbRow } from "./exchange-rows.ts";
import { clientTls, serverTls, strangerTls } from "./tcp-tls.ts";

export const CHANGE_ROWS: readonly LbRow[] = [
  [
    "draining answers what is under way, closes, and takes no one in",
    async (lb) => {
      let held: ((text: string) => void) | undefined;
      const server = lb.serve((text, answered, { peer }) => {
        if (answered > 0 || requestAt(text, 0) === undefined) return undefined;
        held = (answer) => void peer.send(answer);
        return "";
      });
      await lb.start({ servers: [server.address] });
      const client = await lb.dial();
      client.send(GET);
      await lb.rig.until("it is under way", () => held !== undefined);
      let drained = false;
      void lb.worker.drain(60_000).then(() => (drained = true));
      await lb.rig.settle();
      expect(drained).toBe(false);
      held?.(ok("last"));
      await lb.rig.until("it is answered", () => client.ended);
      expect(client.text).toContain("Connection: close");
      client.end();
      await lb.rig.until("it is drained", () => drained);
    },
  ],
  [
    "a reload changes the servers between two requests of one connection",
    async (lb) => {
      const [one, two] = [lb.serve(answering(() => ok("one"))), lb.serve(answering(() => ok("two")))];
      await lb.start({ servers: [one.address] });
      const client = await lb.dial();
      client.send(GET);
      await lb.rig.until("it is answered", () => client.text.endsWith("one"));
      const prepared = await lb.worker.prepare(setupOf({ servers: [two.address] }));
      expect(prepared.how).toBe("in place");
      if (prepared.how === "in place") await prepared.commit();
      client.send(GET);
      await lb.rig.until("it is answered", () => client.text.endsWith("two"));
      await lb.rig.until("the old one is let go", () => one.all[0]?.peer.closed === true);
    },
  ],
  [
    "a reload sends away who waits for a server of an upstream that is gone, and the next request is routed anew",
    async (lb) => {
      const two = lb.serve(answering(() => ok("two")));
      await lb.start({ upstream: { servers: "pushed" } });
      const client = await lb.dial();
      client.send(`${GET}${GET}`);
      await lb.rig.settle();
      expect(client.text).toBe("");
      const next = setupOf({ servers: [two.address], upstream: { name: "other" } });
      const prepared = await lb.worker.prepare({ ...next, routes: [{ path: "/", upstream: "other" }] });
      if (prepared.how === "in place") await prepared.commit();
      await lb.rig.until("it is answered", () => client.text.endsWith("two"));
      expect(client.text).toStartWith("HTTP/1.1 503 ");
    },
  ],
  [
    "a front tells who the client is, and nothing else; its servers come and go",
    async (lb) => {
      const one = lb.serve(
        answering(() => ok("one")),
        {},
        "unix",
      );
      const two = lb.serve(
        answering(() => ok("two")),
        {},
        "unix",
      );
      const push = (version: number, ...targets: readonly [key: string, path: string | undefined, state: string][]) =>
        lb.worker.command("targets", { version, targets: targets.map(([key, path, state]) => ({ key, path, state })) });
      await lb.start({ upstream: { servers: "pushed" }, forwarding: "front" });
      const client = await lb.dial();
      client.send(
        "GET / HTTP/1.1\r\nHost: a\r\nX-Scale-Client: 6.6.6.6:1;tls\r\nX-Forwarded-For: 1.2.3.4\r\nshop_id: 7\r\n\r\n",
      );
      await lb.rig.settle();
      expect(client.text).toBe("");
      await push(1, ["one", one.address.path, "active"]);
      await lb.rig.until("it is answered", () => client.text.endsWith("one"));
      const text = one.all[0]?.text ?? "";
      expect(text).toMatch(
        /^GET \/ HTTP\/1\.1\r\nHost: a\r\nX-Forwarded-For: 1\.2\.3\.4\r\nshop_id: 7\r\nX-Scale-Client: 127\.0\.0\.1:\d+\r\n\r\n$/,
      );
      await push(2, ["one", one.address.path, "leaving"], ["two", two.address.path, "active"]);
      await lb.worker.command("targets-idle", { key: "one", deadlineMs: 1_000 });
      client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      await lb.rig.until("it is answered", () => client.text.endsWith("two"));
      await lb.rig.until("the old one is let go", () => one.all[0]?.peer.closed === true);
    },
  ],
];

/** Clients and servers under TLS; the certificate is that of "server.test", and the lb dials an address. */
export const TLS_ROWS: readonly LbRow[] = [
  [
    "TLS is spoken with clients and with servers, and servers hear that clients do",
    async (lb) => {
      const server = lb.serve(
        answering(() => ok("secret")),
        {},
        "tcp",
        serverTls,
      );
      const { cert = "", key = "" } = serverTls;
      await lb.start({
        servers: [server.address],
        upstream: { tls: { verify: "none" } },
        listener: { tls: { cert, key } },
      });
      const client = await lb.dial();
      client.startTls({ ...clientTls, alpn: ["http/1.1"] }, "client");
      await lb.rig.until("TLS stands", () => client.drains > 1);
      for (const count of [1, 2]) {
        client.send(GET);
        await lb.rig.until("it is answered", () => client.text.split("secret").length === count + 1);
      }
      expect(client.wire.tls?.alpn).toBe("http/1.1");
      expect(server.all.length).toBe(1);
      expect(server.all[0]?.text).toContain("X-Forwarded-Proto: https\r\n");
    },
  ],
  [
    "a server with the certificate of another name gets nothing",
    async (lb) => {
      const server = lb.serve(
        answering(() => ok("secret")),
        {},
        "tcp",
        serverTls,
      );
      const { ca = "" } = clientTls;
      await lb.start({ servers: [server.address], upstream: { tls: { verify: "name", ca } } });
      const client = await lb.dial();
      client.send(GET);
      await lb.rig.until("it is answered", () => client.text.includes("502 "));
      expect(server.all.map(({ text }) => text).join("")).toBe("");
    },
  ],
  [
    "who speaks plainly to a TLS address is closed",
    async (lb) => {
      const server = lb.serve(answering(() => ok("secret")));
      const { cert = "", key = "" } = serverTls;
      await lb.start({ servers: [server.address], listener: { tls: { cert, key } } });
      const client = await lb.dial();
      client.send(GET);
      await lb.rig.until("it is closed", () => client.closed || client.ended);
      expect([server.all.length, client.text.includes("HTTP")]).toEqual([0, false]);
    },
  ],
];

/** A certificate is part of a setup like anything else. */
export const CERTIFICATE_ROWS: readonly LbRow[] = [
  [
    "a reload changes the certificate of new connections, and leaves the others alone",
    async (lb) => {
      const server = lb.serve(answering(() => ok("x")));
      const tlsOf = ({ cert = "", key = "" }: TlsContext) => ({ listener: { tls: { cert, key } } });
      await lb.start({ servers: [server.address], ...tlsOf(strangerTls) });
      const old = await lb.dial();
      old.startTls({ ...clientTls, verify: "none" }, "client");
      await lb.rig.until("TLS stands", () => old.drains > 1);
      const prepared = await lb.worker.prepare(setupOf({ servers: [server.address], ...tlsOf(serverTls) }));
      if (prepared.how === "in place") await prepared.commit();
      const client = await lb.dial();
      client.startTls(clientTls, "client");
      await lb.rig.until("TLS stands", () => client.drains > 1);
      for (const one of [old, client]) {
        one.send(GET);
        await lb.rig.until("it is answered", () => one.text.endsWith("x"));
      }
      expect([client.wire.tls?.verified, old.wire.tls?.verified]).toEqual([true, false]);
    },
  ],
];
