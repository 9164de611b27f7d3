import { afterAll, expect, test } from "bun:test";
import { chownSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { adminFetch, demandOwner } from "../../../../src/admin/admin-client.ts";

const folder = mkdtempSync(join(tmpdir(), "scale-client-"));
const path = join(folder, "s");
const answer = (request: Request): Response =>
  Response.json({ method: request.method, authorization: request.headers.get("authorization") });
const onPath = Bun.serve({ unix: path, fetch: answer });
const onPort = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: answer });
const us = process.getuid?.() ?? 0;

afterAll(async () => {
  await onPath.stop(true);
  await onPort.stop(true);
  rmSync(folder, { recursive: true });
});

test("adminFetch: no token goes to a unix socket, where nobody asks for it", async () => {
  const said = await (await adminFetch(`unix:${path}`, "/status", { token: "secret" })).json();
  expect(said).toEqual({ method: "GET", authorization: null });
});

test("adminFetch: a token goes to a port, and a command is a POST", async () => {
  const said = await (await adminFetch(`127.0.0.1:${onPort.port}`, "/count", { token: "t", method: "POST" })).json();
  expect(said).toEqual({ method: "POST", authorization: "Bearer t" });
});

test("adminFetch: who is not there is silent", async () => {
  const silent = await adminFetch(`unix:${folder}/none`, "/status").catch((error) => error);
  expect(silent.code).toBe("RUN_ADMIN_SILENT");
});

test("demandOwner: asks our own sockets and root's, and as root any", () => {
  expect(() => demandOwner(path, us)).not.toThrow();
  expect(() => demandOwner(path, 0)).not.toThrow();
  expect(() => demandOwner(join(folder, "none"), 12_345)).not.toThrow();
});

test.skipIf(us !== 0)("demandOwner: another user's socket is not asked", () => {
  chownSync(path, 54_321, 54_321);
  expect(() => demandOwner(path, 12_345)).toThrow("belongs to user 54321, not to us (12345)");
  expect(() => demandOwner(path, 54_321)).not.toThrow();
});
