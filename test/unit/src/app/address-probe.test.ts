import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { probeAddress } from "../../../../src/app/address-probe.ts";
import { isAnswering } from "../../../../src/app/answering.ts";
import { clock } from "../../../../src/run/clock.ts";
import { freePort } from "../../../kit/free-port.ts";

const folder = mkdtempSync(join(tmpdir(), "scale-probe-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const SILENT = { data() {} };

describe("probeAddress", () => {
  test("is content with a free port, any port, and a free path", async () => {
    await probeAddress({ host: "127.0.0.1", port: freePort() });
    await probeAddress({ host: "127.0.0.1", port: 0 });
    await probeAddress({ path: join(folder, "free.sock") });
  });

  test("sees a port that is taken, also by one who would share it", async () => {
    for (const reusePort of [false, true]) {
      const server = Bun.serve({ hostname: "127.0.0.1", port: 0, reusePort, fetch: () => new Response("x") });
      await expect(probeAddress({ host: "127.0.0.1", port: server.port ?? 0 })).rejects.toMatchObject({
        code: "APP_PORT_IN_USE",
      });
      await server.stop(true);
    }
  });

  test("sees an address that is not this machine's", async () => {
    await expect(probeAddress({ host: "192.0.2.1", port: 80 })).rejects.toMatchObject({ code: "APP_CANNOT_BIND" });
  });

  test("tells a socket in use from one that was left behind", async () => {
    const path = join(folder, "app.sock");
    const script = `Bun.listen({ unix: ${JSON.stringify(path)}, socket: { data() {} } }); console.log("up"); setInterval(() => {}, 1000);`;
    const other = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
    await other.stdout.getReader().read();
    await expect(probeAddress({ path })).rejects.toMatchObject({ code: "APP_PORT_IN_USE" });
    other.kill("SIGKILL");
    await other.exited;
    expect(existsSync(path)).toBe(true);
    await probeAddress({ path });
  });

  test("does not take a file for a socket", async () => {
    const path = join(folder, "file");
    writeFileSync(path, "");
    await expect(probeAddress({ path })).rejects.toMatchObject({ code: "APP_CANNOT_BIND" });
  });
});

describe("isAnswering", () => {
  test("is true of any answer in HTTP", async () => {
    using server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("no", { status: 503 }) });
    expect(await isAnswering({ host: "127.0.0.1", port: server.port ?? 0 }, clock)).toBe(true);
    expect(await isAnswering({ host: "0.0.0.0", port: server.port ?? 0 }, clock)).toBe(true);
  });

  test("is false of nobody, of one who hangs up, and of one who speaks something else", async () => {
    expect(await isAnswering({ host: "127.0.0.1", port: freePort() }, clock)).toBe(false);
    const hangUp = (socket: Bun.Socket): void => void socket.end();
    const greet = (socket: Bun.Socket): void => void socket.write("220 ready\r\n");
    for (const open of [hangUp, greet]) {
      const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { ...SILENT, open } });
      expect(await isAnswering({ host: "127.0.0.1", port: server.port }, clock)).toBe(false);
      server.stop(true);
    }
  });
});
