import { afterAll, describe, expect, test } from "bun:test";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Sql } from "postgres";
import { makeApp } from "../../../../src/demo/app.ts";

/** A database that answers by what it is asked; a thrown answer is the database's error. */
type Answer = (statement: string, values: readonly unknown[]) => readonly object[];

interface Site {
  readonly url: string;
  readonly asked: string[];
  readonly logged: unknown[];
}

const servers: Server[] = [];
afterAll(() => servers.forEach((server) => server.close()));

async function site(answer: Answer): Promise<Site> {
  const asked: string[] = [];
  const logged: unknown[] = [];
  const db = (async (parts: TemplateStringsArray, ...values: unknown[]) => {
    const statement = parts.join("?").replace(/\s+/g, " ").trim();
    asked.push(statement);
    return answer(statement, values);
  }) as unknown as Sql;
  const log = { error: (event: string, fields?: object) => logged.push({ event, ...fields }) };
  const server = makeApp({ db, log, tier: "1", worker: 7 }).listen(0, "127.0.0.1");
  servers.push(server);
  await new Promise((done) => server.once("listening", done));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, logged };
}

const empty: Answer = () => [];
const post = (at: Site, body: string, headers: Record<string, string> = {}) =>
  fetch(`${at.url}/links`, { method: "POST", body, headers, redirect: "manual" });
const browser = { accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" };
const form = { "content-type": "application/x-www-form-urlencoded" };

function failing(code: string): Answer {
  return () => {
    throw Object.assign(new Error("the words of the database"), { code });
  };
}

describe("GET /:slug", () => {
  test("finds the link and counts the click in one statement", async () => {
    const at = await site(() => [{ url: "https://example.com/" }]);
    const answer = await fetch(`${at.url}/abc`, { redirect: "manual", headers: { referer: "https://from.example/" } });
    expect(answer.status).toBe(302);
    expect(answer.headers.get("location")).toBe("https://example.com/");
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(at.asked).toHaveLength(1);
    expect(at.asked[0]).toContain("insert into clicks");
  });

  test("counts nothing when only the head is asked for", async () => {
    const at = await site(() => [{ slug: "abc", url: "https://example.com/" }]);
    const answer = await fetch(`${at.url}/abc`, { method: "HEAD", redirect: "manual" });
    expect(answer.status).toBe(302);
    expect(at.asked).toEqual(["select slug, url from links where slug = ?"]);
  });

  test("keeps at most 512 characters of the referrer", async () => {
    const seen: unknown[] = [];
    const at = await site((_, values) => (seen.push(...values), [{ url: "https://example.com/" }]));
    await fetch(`${at.url}/abc`, { redirect: "manual", headers: { referer: `https://a/${"x".repeat(2000)}` } });
    expect(seen.map((value) => String(value).length)).toEqual([3, 3, 512]);
  });

  test("does not ask the database for what cannot be a slug", async () => {
    const at = await site(empty);
    for (const path of ["/a", "/a.b", "/a%2fb", "/robots.txt", "/%00%00", "/a'--", `/${"a".repeat(41)}`]) {
      const answer = await fetch(at.url + path, { redirect: "manual" });
      expect(answer.status).toBe(404);
      expect(await answer.json()).toMatchObject({ error: { code: "not_found" } });
    }
    expect(at.asked).toEqual([]);
  });
});

describe("POST /links", () => {
  const echo: Answer = (_, [slug, url]) => [{ slug, url }];

  test("answers a program with 201, the two fields and where it is", async () => {
    const at = await site(echo);
    const answer = await post(at, '{"url":"https://example.com/","slug":"mine"}');
    expect(answer.status).toBe(201);
    expect(answer.headers.get("location")).toBe("/mine");
    expect(await answer.text()).toBe('{"slug":"mine","url":"https://example.com/"}');
  });

  test("sends a browser back to the page, which shows the link", async () => {
    const at = await site(echo);
    const answer = await post(at, "url=example.com&slug=mine", { ...form, ...browser });
    expect(answer.status).toBe(303);
    expect(answer.headers.get("location")).toBe("/?made=mine");
  });

  test("draws again when chance hits a name that is taken, and gives up some time", async () => {
    let draws = 0;
    const lucky = await site((_, [slug, url]) => (++draws < 3 ? [] : [{ slug, url }]));
    expect((await post(lucky, '{"url":"https://example.com/"}')).status).toBe(201);
    expect(lucky.asked).toHaveLength(3);
    const unlucky = await site(empty);
    expect((await post(unlucky, '{"url":"https://example.com/"}')).status).toBe(503);
    expect(unlucky.asked).toHaveLength(5);
  });

  test("says that a chosen name is taken, after one try", async () => {
    const at = await site(empty);
    const answer = await post(at, '{"url":"https://example.com/","slug":"mine"}');
    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject({ error: { code: "slug_taken" } });
    expect(at.asked).toHaveLength(1);
  });

  test("shows a browser the page again, with what was typed and why not", async () => {
    const at = await site(empty);
    const answer = await post(at, "url=javascript:alert(1)&slug=%22%3E%3Cb%3E", { ...form, ...browser });
    expect(answer.status).toBe(400);
    expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(answer.headers.get("content-security-policy")).toStartWith("default-src 'none'");
    const html = await answer.text();
    expect(html).toContain("Only http and https links can be shortened.");
    expect(html).toContain('value="&#34;&#62;&#60;b&#62;"');
  });
});

describe("errors", () => {
  const ways = ["/abc", "/links", "/links/abc/stats", "/", "/healthz"];
  for (const code of ["CONNECTION_CLOSED", "CONNECT_TIMEOUT", "ECONNREFUSED", "08006", "53300", "57P01", "25006"]) {
    test(`${code} is 503 on every way to the database, and says when to come again`, async () => {
      const at = await site(failing(code));
      for (const path of ways) {
        const answer = await fetch(at.url + path, { redirect: "manual", headers: browser });
        expect(answer.status).toBe(503);
        expect(answer.headers.get("retry-after")).toBe("1");
        expect(await answer.json()).toMatchObject({ error: { code: "unavailable" } });
      }
      expect(at.logged).toHaveLength(ways.length);
    });
  }

  test("any other is 500, is logged with its words, and tells none of them", async () => {
    const at = await site(failing("42P01"));
    const answer = await fetch(`${at.url}/links`);
    expect(answer.status).toBe(500);
    expect(await answer.text()).toBe('{"error":{"code":"internal","message":"Something went wrong on our side."}}');
    expect(at.logged).toEqual([
      { event: "demo_request_failed", status: 500, code: "42P01", message: "the words of the database" },
    ]);
  });

  test("a browser that finds no link still gets an answer when the page cannot be made", async () => {
    const at = await site((statement) => (statement.includes("insert") ? [] : failing("57P01")(statement, [])));
    const answer = await fetch(`${at.url}/abc`, { headers: browser });
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ error: { code: "not_found" } });
  });

  test("a method that an address does not know is 405, an unknown address 404", async () => {
    const at = await site(empty);
    for (const [method, path] of [
      ["DELETE", "/links"],
      ["PUT", "/abc"],
      ["POST", "/"],
      ["POST", "/abc"],
    ] as const) {
      const answer = await fetch(at.url + path, { method });
      expect(answer.status).toBe(405);
      expect(await answer.json()).toMatchObject({ error: { code: "method_not_allowed" } });
    }
    expect((await fetch(`${at.url}/a/b/c`)).status).toBe(404);
    expect(at.asked).toEqual([]);
  });
});
