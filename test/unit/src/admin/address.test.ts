import { expect, test } from "bun:test";
import { adminAddress, defaultAdminAddress, demandGuard } from "../../../../src/admin/address.ts";

test("defaultAdminAddress: is a socket named after the box, in the folder and nowhere else", () => {
  expect(defaultAdminAddress("web1-app", "/run/scale")).toBe("unix:/run/scale/web1-app.sock");
  expect(defaultAdminAddress("../../etc/x y", "/run/scale")).toBe("unix:/run/scale/.._.._etc_x_y.sock");
});

test("adminAddress: reads what a person writes", () => {
  expect(adminAddress("9900")).toEqual({ host: "127.0.0.1", port: 9900 });
  expect(adminAddress("[::1]:9900")).toEqual({ host: "::1", port: 9900 });
  expect(adminAddress("unix:/run/scale/a.sock")).toEqual({ path: "/run/scale/a.sock" });
});

for (const text of ["", "nowhere", "127.0.0.1:99999", "http://127.0.0.1:1", "unix:", `unix:/${"x".repeat(120)}`]) {
  test(`adminAddress: refuses "${text.slice(0, 30)}"`, () => {
    expect(() => adminAddress(text)).toThrow(expect.objectContaining({ code: "RUN_ADMIN_ADDRESS" }));
  });
}

for (const text of ["127.0.0.1:1", "127.9.9.9:1", "localhost:1", "[::1]:1", "unix:/tmp/x"]) {
  test(`demandGuard: lets ${text} be without a token`, () =>
    expect(demandGuard(adminAddress(text), undefined)).toBeUndefined());
}

for (const text of [
  "0.0.0.0:1",
  "[::]:1",
  "10.0.0.1:1",
  "admin.example:1",
  "127.0.0.1.example:1",
  "localhost.example:1",
]) {
  test(`demandGuard: refuses ${text} without a token, and takes it with one`, () => {
    const address = adminAddress(text);
    expect(() => demandGuard(address, undefined)).toThrow(expect.objectContaining({ code: "RUN_ADMIN_TOKEN" }));
    expect(demandGuard(address, "secret")).toBeUndefined();
  });
}
