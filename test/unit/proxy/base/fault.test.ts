/** Tests of proxy/base/fault.ts. */
import { describe, expect, test } from "bun:test";
import { Bug } from "../../../../proxy/base/assert.ts";
import { Fault, type FaultCode, type FaultDefaults, faultOf, FAULTS } from "../../../../proxy/base/fault.ts";

const rows = Object.entries(FAULTS) as [FaultCode, FaultDefaults][];

describe("Fault", () => {
  test.each(rows)("%s: has the defaults of its row", (code, row) => {
    const fault = new Fault(code, "Cannot go on");
    expect({ side: fault.side, retry: fault.retry, scope: fault.scope }).toEqual(row);
    expect([fault.code, fault.message, fault.name, "cause" in fault]).toEqual([code, "Cannot go on", "Fault", false]);
    expect(fault).toBeInstanceOf(Error);
  });

  test("the thrower who knows better says so, and the rest stays", () => {
    const cause = new Error("ECONNRESET");
    const fault = new Fault("SERVER_GONE", "Cannot read an answer: the link is closed", { retry: "same", cause });
    expect([fault.side, fault.retry, fault.scope, fault.cause]).toEqual(["server", "same", "exchange", cause]);
    expect(new Fault("SERVER_GONE", "x", { scope: "conversation" }).scope).toBe("conversation");
    expect(new Fault("OVERLOADED", "x", { side: "server" }).side).toBe("server");
  });
});

describe("FAULTS", () => {
  test.each(rows)("%s: says by its name whose doing it is", (code, { side }) => {
    if (code.startsWith("CLIENT_")) expect(side).toBe("client");
    else if (code.startsWith("SERVER_")) expect(side).toBe("server");
    else expect(side).not.toBe("client");
  });

  test.each(rows)(
    "%s: is retried only when nothing can have happened, and never for what a client did",
    (code, row) => {
      const mayHaveActed: FaultCode[] = ["SERVER_GONE", "SERVER_SLOW", "SERVER_PROTOCOL", "BUG"];
      if (row.side === "client" || mayHaveActed.includes(code)) expect(row.retry).toBe("never");
      else expect(row.retry).not.toBe("never");
    },
  );
});

describe("faultOf", () => {
  test("is a Fault itself", () => {
    const fault = new Fault("CLIENT_GONE", "Cannot answer: the client is gone");
    expect(faultOf(fault)).toBe(fault);
  });

  test.each([
    ["a Bug", new Bug("Cannot shift: it is empty"), "Cannot shift: it is empty"],
    ["another error", new TypeError("x is not a function"), 'Cannot go on: "x is not a function" was thrown'],
    ["a text", "oops", 'Cannot go on: "oops" was thrown'],
    ["nothing", undefined, 'Cannot go on: "undefined" was thrown'],
  ])("is a BUG for %s, which stays as the cause", (_name, thrown, what) => {
    const fault = faultOf(thrown);
    expect([fault.code, fault.message, fault.cause]).toEqual(["BUG", what, thrown]);
    expect([fault.side, fault.retry, fault.scope]).toEqual(["self", "never", "conversation"]);
  });
});
