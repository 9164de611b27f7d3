/** Tests of proxy/http/faults.ts, flaws.ts and answer.ts. */
import { describe, expect, test } from "bun:test";
import { Fault, type FaultCode, FAULTS } from "../../../../proxy/base/fault.ts";
import { makeAnswer } from "../../../../proxy/http/answer.ts";
import { answerOf, FAULT_STATUS, statusOf } from "../../../../proxy/http/faults.ts";
import { type Flaw, FLAWS, HttpFault } from "../../../../proxy/http/flaws.ts";

const codes = Object.keys(FAULT_STATUS) as FaultCode[];
const flaws = Object.keys(FLAWS) as Flaw[];

describe("statusOf", () => {
  test.each(codes)("%s: blames by its class whom the fault blames", (code) => {
    const status = statusOf(new Fault(code, "Cannot go on"));
    expect(status >= 500).toBe(FAULTS[code].side !== "client");
  });

  test.each(flaws)("%s: has its own status from a client, and is 502 from a server", (flaw) => {
    const client = new HttpFault(flaw, "client");
    expect([statusOf(client), client.side, client.scope]).toEqual([FLAWS[flaw].status, "client", "conversation"]);
    expect(statusOf(new HttpFault(flaw, "server"))).toBe(502);
  });
});

describe("answerOf", () => {
  test("is made once for each status and code, and says neither what nor why", () => {
    const fault = new Fault("NO_TARGET", "Cannot serve app: secret");
    const answer = answerOf(fault);
    expect(answer).toBe(answerOf(new Fault("NO_TARGET", "Cannot serve app: other")) as never);
    expect(new TextDecoder().decode(answer?.body)).toBe("503 NO_TARGET\n");
    expect([answer?.head.status, answer?.head.reasonText]).toEqual([503, "Service Unavailable"]);
    expect(answer?.head.value(answer.head.findName("retry-after"))).toBe("1");
  });

  test("is nothing for a client that is gone", () => {
    expect(answerOf(new Fault("CLIENT_GONE", "Cannot go on"))).toBeUndefined();
  });

  test("405 says what is allowed", () => {
    const head = answerOf(new HttpFault("METHOD_TRACE", "client"))?.head;
    expect(head?.value(head.findName("allow"))).toContain("GET");
  });
});

describe("makeAnswer", () => {
  test("a field that would break out is a Bug", () => {
    expect(() => makeAnswer(302, { Location: "/\r\nX: y" }, "")).toThrow("may not stand there");
  });
});
