import { expect, test } from "bun:test";
import fc from "fast-check";
import { redactFields, redactText, REDACTED } from "../../../../src/run/log-redact.ts";

const SECRET = "hunter2hunter2";

const secretNames = [
  "password",
  "dbPassword",
  "PGPASSWORD",
  "passwd",
  "passphrase",
  "token",
  "accessToken",
  "clientSecret",
  "authorization",
  "Proxy-Authorization",
  "cookie",
  "Set-Cookie",
  "credentials",
  "private_key",
  "privateKey",
  "api_key",
  "x-apikey",
];

for (const name of secretNames) {
  test(`redactFields: hides what is under "${name}"`, () => {
    expect(redactFields({ [name]: SECRET })).toEqual({ [name]: REDACTED });
    expect(JSON.stringify(redactFields({ deep: { in: [{ [name]: { value: SECRET } }] } }))).not.toContain(SECRET);
  });
}

test("redactFields: keeps a secret's absence visible", () => {
  expect(redactFields({ token: null, password: undefined })).toEqual({ token: null });
});

const secretTexts: readonly [string, string][] = [
  [`postgres://shop:${SECRET}@db1:5432/shop`, `postgres://shop:${REDACTED}@db1:5432/shop`],
  [`postgres://shop:${SECRET}/with@and/slash@db1/shop`, `postgres://shop:${REDACTED}@db1/shop`],
  [`redis://:${SECRET}@cache:6379`, `redis://:${REDACTED}@cache:6379`],
  [`amqps://u:${SECRET}@q1, kafka`, `amqps://u:${REDACTED}@q1, kafka`],
  [`from http://a:${SECRET}@b/ to http://c:${SECRET}@d/`, `from http://a:${REDACTED}@b/ to http://c:${REDACTED}@d/`],
  [`host=db user=shop password=${SECRET} dbname=shop`, `host=db user=shop password=${REDACTED} dbname=shop`],
  [`password='${SECRET} and more' host=db`, `password=${REDACTED} host=db`],
  [`http://h/cb?access_token=${SECRET}&x=1`, `http://h/cb?access_token=${REDACTED}&x=1`],
  [`Authorization: Bearer ${SECRET}`, `Authorization: ${REDACTED}`],
  [`cookie: id=${SECRET}; b=${SECRET}\nhost: a`, `cookie: ${REDACTED}\nhost: a`],
  [`sent bearer ${SECRET}`, `sent bearer ${REDACTED}`],
];

for (const [text, wanted] of secretTexts) {
  test(`redactText: hides the secret in "${text.replaceAll(SECRET, "…").replaceAll("\n", " ")}"`, () =>
    expect(redactText(text)).toBe(wanted));
}

const plainTexts = [
  "http://localhost:3000/links?x=a@b.example",
  "https://shop.example:443",
  "postgres://shop@db1:5432/shop",
  'Cannot read token: no such file "/etc/scale/token"',
  "mail a@b.example: sent",
  "12:03:04 @ home",
];

for (const text of plainTexts) {
  test(`redactText: leaves "${text}"`, () => expect(redactText(text)).toBe(text));
}

test("redactText: cuts what is long, and says so", () => {
  const cut = redactText("x".repeat(10_000));
  expect(cut.length).toBeLessThan(4_200);
  expect(cut).toEndWith("… (10000 characters)");
});

test("redactText: does not hang on hostile text", () => {
  for (const piece of ["a", "a://", "a://b:", "password=", "bearer ", "://:@"]) redactText(piece.repeat(4_096));
});

test("redactFields: an error keeps type, message, code and stack, and nothing of the client's", () => {
  const error = Object.assign(new TypeError(`no postgres://u:${SECRET}@h`), {
    code: "23505",
    detail: "Key (email)=(a@b.example) already exists",
    query: "select 1",
    parameters: [SECRET],
    cause: new Error("below"),
  });
  const { error: said } = redactFields({ error }) as { error: Record<string, unknown> };
  expect(said).toMatchObject({ type: "TypeError", message: `no postgres://u:${REDACTED}@h`, code: "23505" });
  expect(said["cause"]).toMatchObject({ type: "Error", message: "below" });
  expect(said["stack"]).toContain("log-redact.test.ts");
  expect(JSON.stringify(said)).not.toMatch(/hunter2|b\.example|select 1/);
});

const shapes: readonly [string, unknown, unknown][] = [
  ["a big integer", 12n, "12"],
  ["not a number", Number.NaN, "NaN"],
  ["infinity", Number.POSITIVE_INFINITY, "Infinity"],
  ["a date", new Date(0), "1970-01-01T00:00:00.000Z"],
  ["no date", new Date("?"), "Invalid Date"],
  ["bytes", Buffer.from("abc"), "[3 bytes]"],
  ["a URL", new URL("http://u:secret-word@h/"), `http://u:${REDACTED}@h/`],
  ["a map", new Map([["a", 1]]), { a: 1 }],
  ["a set", new Set([1, 2]), [1, 2]],
  ["too deep", { a: { b: { c: { d: {} } } } }, { a: { b: { c: { d: "[object]" } } } }],
  ["too many", Array.from({ length: 70 }, () => 1), [...Array.from({ length: 64 }, () => 1), "6 more"]],
];

for (const [what, value, wanted] of shapes) {
  test(`redactFields: makes plain data of ${what}`, () => {
    expect(redactFields({ value })).toEqual({ value: wanted as never });
  });
}

test("redactFields: a circle ends", () => {
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  expect(JSON.stringify(redactFields(circle))).toContain("[object]");
});

test("redactFields: __proto__ is a name like another", () => {
  const cleaned = redactFields(JSON.parse('{"__proto__": {"level": "fatal"}, "a": 1}'));
  expect(JSON.stringify(cleaned)).toBe('{"__proto__":{"level":"fatal"},"a":1}');
  expect(Object.getPrototypeOf(cleaned)).toBe(Object.prototype);
});

test("redactFields: whatever it is given becomes data that JSON can hold", () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true })),
      (fields) => {
        const cleaned = redactFields(fields);
        expect(JSON.parse(JSON.stringify(cleaned))).toEqual(JSON.parse(JSON.stringify(cleaned)));
      },
    ),
    { numRuns: 300 },
  );
});

test("redactText: no password of a URL gets through", () => {
  const password = fc
    .stringMatching(/^[\w/:@?#!$%^&*()+=.-]{6,30}$/)
    .filter((text) => !/^\d{1,5}[/?#]/.test(text))
    .map((text) => `${text}Zq9`);
  fc.assert(
    fc.property(fc.constantFrom("postgres", "redis", "amqp"), password, (scheme, word) => {
      expect(redactText(`${scheme}://user:${word}@host:5432/db`)).toBe(`${scheme}://user:${REDACTED}@host:5432/db`);
    }),
    { numRuns: 500 },
  );
});
