/** Tests of proxy/pg/backend.ts and, by round trips, of proxy/pg/backend-writer.ts. */
import { describe, expect, test } from "bun:test";
import { NONE } from "../../../../proxy/base/bytes.ts";
import {
  Authentication,
  AUTHENTICATION,
  BackendKeyData,
  CommandComplete,
  CopyResponse,
  FunctionResult,
  Notification,
  ParameterStatus,
  readColumns,
  readCount,
  readMechanisms,
  readNegotiation,
  readReady,
  readValues,
  serverText,
  STATUS,
} from "../../../../proxy/pg/backend.ts";
import {
  writeAuthenticationCleartext,
  writeAuthenticationMd5,
  writeAuthenticationOk,
  writeAuthenticationSasl,
  writeAuthenticationSaslContinue,
  writeAuthenticationSaslFinal,
  writeBackendKeyData,
  writeBindComplete,
  writeCloseComplete,
  writeCommandComplete,
  writeDataRow,
  writeEmptyQuery,
  writeErrorResponse,
  writeNegotiation,
  writeNoData,
  writeNotification,
  writeNoticeResponse,
  writeParameterDescription,
  writeParameterStatus,
  writeParseComplete,
  writePortalSuspended,
  writeReady,
  writeRowDescription,
} from "../../../../proxy/pg/backend-writer.ts";
import type { Part } from "../../../../proxy/pg/framer.ts";
import { Notice } from "../../../../proxy/pg/notice.ts";
import { BACKEND } from "../../../../proxy/pg/tag.ts";
import { ascii, faultOfCall, frame, partOf, surrounded, Watched, written } from "./part.ts";

const copyIn = frame(BACKEND.copyIn, [1, 0, 2, 0, 1, 0, 1]);
const functionResult = frame(BACKEND.functionResult, [0, 0, 0, 2, 0x41, 0x42]);
const noResult = frame(BACKEND.functionResult, [0xff, 0xff, 0xff, 0xff]);
const words = { severity: "ERROR", code: "42601", message: "no", detail: "d", hint: "h" } as const;

/** Name, a good frame, and what reads it. */
const MESSAGES: readonly (readonly [string, Uint8Array, (part: Part) => unknown])[] = [
  ["Authentication: ok", written(writeAuthenticationOk), (part) => new Authentication().read(part)],
  [
    "Authentication: md5",
    written((w) => writeAuthenticationMd5(w, ascii("salt"))),
    (part) => new Authentication().read(part),
  ],
  ["readMechanisms", written((w) => writeAuthenticationSasl(w, ["A", "B"])), readMechanisms],
  [
    "ParameterStatus",
    written((w) => writeParameterStatus(w, "TimeZone", "UTC")),
    (part) => new ParameterStatus().read(part),
  ],
  ["readReady", written((w) => writeReady(w, STATUS.idle)), readReady],
  [
    "CommandComplete",
    written((w) => writeCommandComplete(w, "INSERT 0 5")),
    (part) => new CommandComplete().read(part),
  ],
  ["readColumns", written((w) => writeRowDescription(w, ["a", "b"])), readColumns],
  ["readValues", written((w) => writeDataRow(w, ["a", null, ""])), readValues],
  ["CopyResponse", copyIn, (part) => new CopyResponse().read(part)],
  ["Notification", written((w) => writeNotification(w, 7, "c", "p")), (part) => new Notification().read(part)],
  ["FunctionResult", functionResult, (part) => new FunctionResult().read(part)],
  ["FunctionResult: null", noResult, (part) => new FunctionResult().read(part)],
  ["readNegotiation", written((w) => writeNegotiation(w, { minor: 2, extensions: ["_pq_.x"] })), readNegotiation],
  ["Notice", written((w) => writeErrorResponse(w, words)), (part) => new Notice().read(part)],
];

describe("every message", () => {
  test.each(MESSAGES)("%s: is read, wherever it stands", (_name, bytes, read) => {
    expect(() => read(partOf(bytes))).not.toThrow();
    expect(() => read(surrounded(bytes))).not.toThrow();
  });

  test.each(MESSAGES)("%s: is refused when it is truncated, at every place", (_name, bytes, read) => {
    for (let end = 1; end < bytes.length; end++) {
      expect(faultOfCall(() => read(surrounded(bytes.subarray(0, end)))).code).toBe("SERVER_PROTOCOL");
    }
  });

  test.each(MESSAGES)("%s: is refused with a byte too many", (_name, bytes, read) => {
    for (const more of [0, 1, 0x41]) {
      const long = new Uint8Array(bytes.length + 1);
      long.set(bytes);
      long[bytes.length] = more;
      expect(faultOfCall(() => read(surrounded(long))).code).toBe("SERVER_PROTOCOL");
    }
  });
});

describe("fields", () => {
  const textOf = (part: Part, start: number, end: number): string => serverText(part.bytes, start, end);

  test("Authentication: every request, with what belongs to it", () => {
    const rows = [
      [written(writeAuthenticationOk), AUTHENTICATION.ok, ""],
      [written(writeAuthenticationCleartext), AUTHENTICATION.cleartext, ""],
      [written((writer) => writeAuthenticationMd5(writer, ascii("salt"))), AUTHENTICATION.md5, "salt"],
      [written((writer) => writeAuthenticationSaslContinue(writer, "r=x")), AUTHENTICATION.saslContinue, "r=x"],
      [written((writer) => writeAuthenticationSaslFinal(writer, "v=x")), AUTHENTICATION.saslFinal, "v=x"],
    ] as const;
    for (const [bytes, request, data] of rows) {
      const part = surrounded(bytes);
      const authentication = new Authentication().read(part);
      expect([
        authentication.request as number,
        textOf(part, authentication.dataStart, authentication.dataEnd),
      ]).toEqual([request, data]);
    }
    const unknown = surrounded(frame(BACKEND.authentication, [0, 0, 0, 99, 1, 2]));
    expect(new Authentication().read(unknown).request).toBe(99);
  });

  test("readMechanisms: in the server's order; without end, or without number, it is refused", () => {
    expect(readMechanisms(surrounded(written((writer) => writeAuthenticationSasl(writer, ["A", "B"]))))).toEqual([
      "A",
      "B",
    ]);
    expect(readMechanisms(surrounded(written((writer) => writeAuthenticationSasl(writer, []))))).toEqual([]);
    const many = written((writer) =>
      writeAuthenticationSasl(
        writer,
        Array.from({ length: 33 }, () => "X"),
      ),
    );
    expect(faultOfCall(() => readMechanisms(surrounded(many))).code).toBe("SERVER_PROTOCOL");
  });

  test("ParameterStatus, BackendKeyData, Notification", () => {
    const status = surrounded(written((writer) => writeParameterStatus(writer, "TimeZone", "Europe/Zürich")));
    const parameter = new ParameterStatus().read(status);
    expect(textOf(status, parameter.nameStart, parameter.nameEnd)).toBe("TimeZone");
    expect(textOf(status, parameter.valueStart, parameter.valueEnd)).toBe("Europe/Zürich");
    for (const size of [4, 32, 256]) {
      const part = surrounded(written((writer) => writeBackendKeyData(writer, 4321, new Uint8Array(size).fill(9))));
      const key = new BackendKeyData().read(part);
      expect([key.processId, key.keyEnd - key.keyStart, part.bytes[key.keyStart]!]).toEqual([4321, size, 9]);
    }
    const note = surrounded(written((writer) => writeNotification(writer, 7, "channel", "")));
    const notification = new Notification().read(note);
    expect(textOf(note, notification.channelStart, notification.channelEnd)).toBe("channel");
    expect([notification.processId, notification.payloadEnd - notification.payloadStart]).toEqual([7, 0]);
  });

  test("readReady: three words, and no other", () => {
    for (const status of Object.values(STATUS)) {
      expect(readReady(surrounded(written((writer) => writeReady(writer, status))))).toBe(status);
    }
    for (const status of [0, 0x69, 0x58]) {
      expect(faultOfCall(() => readReady(surrounded(frame(BACKEND.ready, [status])))).code).toBe("SERVER_PROTOCOL");
    }
  });

  const commands: readonly (readonly [string, string, boolean, number])[] = [
    ["SELECT 5", "SELECT", true, 5],
    ["INSERT 0 12", "INSERT", true, 12],
    ["BEGIN", "BEGIN", true, NONE],
    ["CREATE TABLE", "CREATE", false, NONE],
    ["CREATE TABLE", "CREATE TABLE", true, NONE],
    ["ROLLBACK", "ROLLBACK", true, NONE],
    ["ROLLBACK PREPARED", "ROLLBACK", false, NONE],
    ["DISCARD ALL", "DISCARD ALL", true, NONE],
    ["COPY 0", "COPY", true, 0],
    ["SELECTED", "SELECT", false, NONE],
    ["", "SELECT", false, NONE],
    ["SELECT ", "SELECT", false, NONE],
  ];
  test.each(commands)("CommandComplete: %p is %p: %p, with %p rows", (text, command, is, rows) => {
    const complete = new CommandComplete().read(surrounded(written((writer) => writeCommandComplete(writer, text))));
    expect([complete.is(command), complete.rows()]).toEqual([is, rows]);
  });

  test("counts", () => {
    const columns = surrounded(written((writer) => writeRowDescription(writer, ["a", "b", "c"])));
    expect([readCount(columns), readColumns(columns)]).toEqual([3, 3]);
    expect(readCount(surrounded(written((writer) => writeParameterDescription(writer, [25, 23]))))).toBe(2);
    expect(readValues(surrounded(written((writer) => writeDataRow(writer, ["a", null]))))).toBe(2);
    const lie = frame(BACKEND.rowDescription, [0xff, 0xff, 0x61, 0]);
    expect(faultOfCall(() => readColumns(surrounded(lie))).code).toBe("SERVER_PROTOCOL");
    const row = frame(BACKEND.dataRow, [0, 1, 0x7f, 0xff, 0xff, 0xff, 0x61]);
    expect(faultOfCall(() => readValues(surrounded(row))).code).toBe("SERVER_PROTOCOL");
  });

  test("CopyResponse and FunctionResult", () => {
    const copy = new CopyResponse().read(surrounded(copyIn));
    expect([copy.binary, copy.columnCount]).toEqual([true, 2]);
    expect(faultOfCall(() => new CopyResponse().read(surrounded(frame(BACKEND.copyIn, [2, 0, 0])))).code).toBe(
      "SERVER_PROTOCOL",
    );
    const part = surrounded(functionResult);
    const result = new FunctionResult().read(part);
    expect(textOf(part, result.valueStart, result.valueEnd)).toBe("AB");
    expect(new FunctionResult().read(surrounded(noResult)).valueEnd).toBe(NONE);
  });

  test("readNegotiation: takes the version with its major half and without", () => {
    const bytes = written((writer) => writeNegotiation(writer, { minor: 2, extensions: ["_pq_.a", "_pq_.b"] }));
    expect(readNegotiation(surrounded(bytes))).toEqual({ minor: 2, extensions: ["_pq_.a", "_pq_.b"] });
    expect(readNegotiation(surrounded(frame(BACKEND.negotiateVersion, [0, 0, 0, 1, 0, 0, 0, 0])))).toEqual({
      minor: 1,
      extensions: [],
    });
    for (const body of [
      [0, 2, 0, 0, 0, 0, 0, 0],
      [0xff, 0xff, 0, 0, 0, 0, 0, 0],
      [0, 3, 0, 0, 0x7f, 0, 0, 0],
      [0, 3, 0, 0, 0xff, 0xff, 0xff, 0xff],
    ]) {
      const lie = surrounded(frame(BACKEND.negotiateVersion, body));
      expect(faultOfCall(() => readNegotiation(lie)).code).toBe("SERVER_PROTOCOL");
    }
  });
});

test("writers: every message is framed as what it is, in its phase", () => {
  const login = new Watched("backend", "login");
  login.feed(
    written((writer) => {
      writeNegotiation(writer, { minor: 0, extensions: [] });
      writeAuthenticationOk(writer);
      writeParameterStatus(writer, "a", "b");
      writeBackendKeyData(writer, 1, new Uint8Array(4));
      writeReady(writer, STATUS.idle);
    }),
  );
  expect(login.frames.length).toBe(5);
  const steady = new Watched("backend", "steady");
  steady.feed(
    written((writer) => {
      for (const write of [
        writeParseComplete,
        writeBindComplete,
        writeCloseComplete,
        writeNoData,
        writeEmptyQuery,
        writePortalSuspended,
      ])
        write(writer);
      writeNoticeResponse(writer, { ...words, severity: "NOTICE" });
    }),
  );
  const { parseComplete, bindComplete, closeComplete, noData, emptyQuery, portalSuspended, notice } = BACKEND;
  expect(steady.frames.map(({ tag }) => tag)).toEqual([
    parseComplete,
    bindComplete,
    closeComplete,
    noData,
    emptyQuery,
    portalSuspended,
    notice,
  ]);
});
