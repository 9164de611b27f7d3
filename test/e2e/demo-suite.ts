/**
 * What the demo must do at every tier, seen from a client. Each tier's test hands in how it is started; nothing here knows
 * what stands between the client and the program.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { openFolder } from "../kit/open-folder.ts";

export interface Site {
  readonly url: string;
  stop(): Promise<unknown>;
}

/** Starts the demo; the same folder finds the same data again. */
export type StartSite = (folder: string) => Promise<Site>;

const START_MS = 60_000;

export function demoSuite(name: string, start: StartSite): void {
  describe(`demo, ${name}`, () => {
    let folder = "";
    let site: Site | undefined;
    beforeAll(async () => {
      folder = openFolder("demo");
      site = await start(folder);
    }, START_MS);
    afterAll(async () => {
      await site?.stop();
      rmSync(folder, { recursive: true, force: true });
    }, START_MS);
    const client = () => new Client(site?.url ?? "");
    linkTests(client);
    countTests(client);
    refusalTests(client);
    pageTests(client);
    test(
      "keeps everything over a restart, and seeds nothing twice",
      async () => {
        const made = await client().make("https://example.com/kept", { slug: "kept", owner: "ada" });
        await client().follow(made.slug);
        const before = await client().list(100);
        await site?.stop();
        site = undefined;
        site = await start(folder);
        expect(await client().list(100)).toEqual(before);
        expect((await client().follow("kept")).headers.get("location")).toBe("https://example.com/kept");
        expect(await client().clicks("kept")).toBe(2);
      },
      2 * START_MS,
    );
  });
}

interface Link {
  readonly slug: string;
  readonly url: string;
}

interface ListedLink extends Link {
  readonly owner: string | null;
  readonly createdAt: string;
  readonly clicks: number;
}

class Client {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url.replace(/\/$/, "");
  }

  get(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(this.#url + path, { redirect: "manual", ...init });
  }

  post(
    body: NonNullable<RequestInit["body"]>,
    headers: Record<string, string> = { "content-type": "application/json" },
  ): Promise<Response> {
    return this.get("/links", { method: "POST", body, headers });
  }

  async make(url: string, more: { slug?: string; owner?: string } = {}): Promise<Link> {
    const answer = await this.post(JSON.stringify({ url, ...more }));
    expect(answer.status).toBe(201);
    return (await answer.json()) as Link;
  }

  async follow(slug: string): Promise<Response> {
    const answer = await this.get(`/${slug}`);
    expect(answer.status).toBe(302);
    expect(await answer.text()).toBe("");
    return answer;
  }

  async clicks(slug: string): Promise<number> {
    const answer = await this.get(`/links/${slug}/stats`);
    expect(answer.status).toBe(200);
    const body = (await answer.json()) as { clicks: number };
    expect(Object.keys(body)).toEqual(["clicks"]);
    return body.clicks;
  }

  async list(limit: number): Promise<readonly ListedLink[]> {
    const answer = await this.get(`/links?limit=${limit}`);
    expect(answer.status).toBe(200);
    return (await answer.json()) as ListedLink[];
  }
}

/** The JSON of a refusal has this shape and nothing else, and tells nothing of what is inside. */
async function expectRefusal(answer: Response, status: number, code: string): Promise<void> {
  const text = await answer.text();
  expect({ status: answer.status, text }).toEqual({ status, text: expect.stringContaining(`"code":"${code}"`) });
  expect(JSON.parse(text)).toEqual({ error: { code, message: expect.any(String) } });
  expect(answer.headers.get("content-type")).toBe("application/json; charset=utf-8");
  expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
  expect(text).not.toMatch(/\\n +at |node_modules|select |insert into/i);
}

function linkTests(client: () => Client): void {
  test("makes a link, follows it, and counts", async () => {
    const answer = await client().post('{"url":"https://example.com/a?b=c#d"}');
    expect(answer.status).toBe(201);
    const made = (await answer.json()) as Link;
    expect(made).toEqual({ slug: expect.stringMatching(/^[A-Za-z0-9]{7}$/), url: "https://example.com/a?b=c#d" });
    expect(answer.headers.get("location")).toBe(`/${made.slug}`);
    expect(await client().clicks(made.slug)).toBe(0);
    const followed = await client().follow(made.slug);
    expect(followed.headers.get("location")).toBe("https://example.com/a?b=c#d");
    expect(await client().clicks(made.slug)).toBe(1);
  });

  test("gives the name that was chosen, once", async () => {
    expect(await client().make("https://example.com/1", { slug: "my-own_1" })).toEqual({
      slug: "my-own_1",
      url: "https://example.com/1",
    });
    await expectRefusal(await client().post('{"url":"https://example.com/2","slug":"my-own_1"}'), 409, "slug_taken");
    expect((await client().follow("my-own_1")).headers.get("location")).toBe("https://example.com/1");
  });

  test("lets one of many win a name that all want at once", async () => {
    const wishes = Array.from({ length: 20 }, (_, at) => `{"url":"https://example.com/${at}","slug":"contested"}`);
    const answers = await Promise.all(wishes.map((body) => client().post(body)));
    expect(answers.map((answer) => answer.status).sort()).toEqual([201, ...Array<number>(19).fill(409)]);
  });

  test("lists the newest links first, with their owners and clicks", async () => {
    const [first, second] = [
      await client().make("https://example.com/first", { owner: "ada" }),
      await client().make("https://example.com/second", { owner: "someone else" }),
    ];
    await client().follow(first.slug);
    const listed = await client().list(2);
    expect(listed).toEqual([
      { ...second, owner: "someone else", createdAt: expect.any(String), clicks: 0 },
      { ...first, owner: "Ada", createdAt: expect.any(String), clicks: 1 },
    ]);
    expect(Math.abs(Date.now() - Date.parse(listed[0]?.createdAt ?? ""))).toBeLessThan(300_000);
  });

  test("has links and clicks on the first day", async () => {
    expect((await client().follow("postgres")).headers.get("location")).toBe(
      "https://www.postgresql.org/docs/current/",
    );
    expect(await client().clicks("postgres")).toBeGreaterThan(5);
  });

  test("takes a form, as a browser without a script sends it", async () => {
    const accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    const headers = { accept, "content-type": "application/x-www-form-urlencoded" };
    const answer = await client().post("url=example.com%2Fform&slug=from-a-form", headers);
    expect(answer.status).toBe(303);
    expect(answer.headers.get("location")).toBe("/?made=from-a-form");
    const page = await client().get("/?made=from-a-form", { headers: { accept } });
    expect(await page.text()).toContain('title="https://example.com/form"');
  });
}

function countTests(client: () => Client): void {
  test("counts each of 100 clicks that come at once", async () => {
    const { slug } = await client().make("https://example.com/busy");
    const followed = await Promise.all(Array.from({ length: 100 }, () => client().follow(slug)));
    expect(followed).toHaveLength(100);
    expect(await client().clicks(slug)).toBe(100);
  });

  test("counts what was clicked while others are clicked, each by itself", async () => {
    const links = await Promise.all(Array.from({ length: 8 }, (_, at) => client().make(`https://example.com/${at}`)));
    const followed = links.flatMap(({ slug }, at) => Array.from({ length: at }, () => client().follow(slug)));
    await Promise.all(followed);
    expect(await Promise.all(links.map(({ slug }) => client().clicks(slug)))).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  test("does not count who only looks", async () => {
    const { slug, url } = await client().make("https://example.com/looked-at");
    const answer = await client().get(`/${slug}`, { method: "HEAD" });
    expect(answer.status).toBe(302);
    expect(answer.headers.get("location")).toBe(url);
    expect(await client().clicks(slug)).toBe(0);
  });
}

function refusalTests(client: () => Client): void {
  const badUrls = [
    "javascript:alert(document.cookie)",
    "data:text/html,<script>alert(1)</script>",
    "file:///etc/passwd",
    "//example.com",
    "example.com",
    "https://user:word@example.com",
    "https://example.com/\r\nSet-Cookie: a=b",
    "https://example.com/\n\n<script>alert(1)</script>",
    `https://example.com/${"a".repeat(2048)}`,
    "",
    "'; drop table links; --",
  ];
  for (const url of badUrls) {
    test(`refuses the link ${JSON.stringify(url).slice(0, 50)}`, async () => {
      await expectRefusal(await client().post(JSON.stringify({ url })), 400, "bad_url");
    });
  }

  test("refuses what is not a JSON object with a link", async () => {
    for (const body of ["", "{", "[]", "null", '"https://example.com"', "\u0000", "url=https://example.com"]) {
      await expectRefusal(await client().post(body), 400, "bad_json");
    }
    for (const body of ["{}", '{"url":null}', '{"url":7}', '{"url":["https://example.com"]}']) {
      await expectRefusal(await client().post(body), 400, "bad_url");
    }
  });

  test("refuses a body that is too large, and lives on", async () => {
    await expectRefusal(await client().post(`{"url":"${"a".repeat(20_000)}"}`), 413, "body_too_large");
    await expectRefusal(await client().post(new Uint8Array(4 << 20).fill(32)), 413, "body_too_large");
    await expectRefusal(await client().post(endless(4 << 20)), 413, "body_too_large");
    const bomb = Bun.gzipSync(new Uint8Array(8 << 20).fill(32));
    const headers = { "content-type": "application/json", "content-encoding": "gzip" };
    await expectRefusal(await client().post(bomb, headers), 413, "body_too_large");
    await client().make("https://example.com/after");
  });

  test("refuses names that are no names, and those it keeps", async () => {
    for (const slug of ["a", "a/b", "../x", "a b", "a.b", "a%2fb", "ü", "a\r\nb", "x'); drop table links; --", 7, {}]) {
      const body = JSON.stringify({ url: "https://example.com", slug });
      await expectRefusal(await client().post(body), 400, "bad_slug");
    }
    for (const slug of ["links", "healthz", "LINKS", "favicon"]) {
      await expectRefusal(await client().post(`{"url":"https://example.com","slug":"${slug}"}`), 409, "slug_reserved");
    }
  });

  test("knows no link that nobody made, however it is written", async () => {
    const strange = [
      "nobody-made-this",
      "a",
      "a%2fb",
      "%2e%2e%2fetc",
      "x'%20or%20'1'='1",
      "%00",
      "%ff",
      "a".repeat(4000),
    ];
    for (const slug of strange) {
      for (const path of [`/${slug}`, `/links/${slug}/stats`]) {
        const answer = await client().get(path);
        // A percent sign that escapes no character is not even an address.
        if (slug === "%ff") await expectRefusal(answer, 400, "bad_request");
        else await expectRefusal(answer, 404, "not_found");
      }
    }
    expect((await client().list(1)).length).toBe(1);
  });

  test("keeps what is encoded in a link encoded", async () => {
    const url = "https://example.com/%0d%0aSet-Cookie:%20a=b?x=%27%3B--";
    const { slug } = await client().make(url);
    const followed = await client().follow(slug);
    expect(followed.headers.get("location")).toBe(url);
    expect(followed.headers.get("set-cookie")).toBeNull();
  });

  test("refuses a limit that is none, and other methods", async () => {
    for (const limit of ["0", "101", "-1", "1;", "NaN"]) {
      await expectRefusal(await client().get(`/links?limit=${limit}`), 400, "bad_limit");
    }
    await expectRefusal(await client().get("/links", { method: "DELETE" }), 405, "method_not_allowed");
    await expectRefusal(await client().get("/postgres", { method: "POST" }), 405, "method_not_allowed");
  });
}

/** So many spaces, of unannounced length. */
function endless(bytes: number): ReadableStream<Uint8Array> {
  let left = bytes;
  return new ReadableStream({
    pull(controller) {
      if (left <= 0) return controller.close();
      controller.enqueue(new Uint8Array(65_536).fill(32));
      left -= 65_536;
    },
  });
}

function pageTests(client: () => Client): void {
  test("serves the page, which needs nothing from elsewhere", async () => {
    const answer = await client().get("/");
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(answer.headers.get("content-security-policy")).toStartWith("default-src 'none'; style-src 'sha256-");
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
    expect(answer.headers.get("x-powered-by")).toBeNull();
    const html = await answer.text();
    expect(html).toMatch(/<form action="\/links" method="post"/);
    expect(html).toMatch(/Answered by worker <span id="worker">\d+<\/span>/);
    expect(html).not.toMatch(/(src|href)="(https?:)?\/\//);
  });

  test("shows hostile text as text", async () => {
    await client().make('https://example.com/"><img src=x onerror=alert(1)>', { owner: "Ada Lovelace" });
    const html = await (await client().get("/")).text();
    expect(html).toContain("%22%3E%3Cimg");
    expect(html).not.toContain("<img");
    const refused = await client().post("url=%22%3E%3Cimg+src%3Dx%3E", {
      accept: "text/html",
      "content-type": "application/x-www-form-urlencoded",
    });
    expect(refused.status).toBe(400);
    expect(await refused.text()).toContain('value="&#34;&#62;&#60;img src=x&#62;"');
  });

  test("tells a browser on the page that there is no such link", async () => {
    const answer = await client().get("/nobody-made-this", { headers: { accept: "text/html" } });
    expect(answer.status).toBe(404);
    expect(await answer.text()).toContain("There is no link &#34;/nobody-made-this&#34; here.");
  });

  test("answers health checks and icons", async () => {
    expect(await (await client().get("/healthz")).json()).toEqual({ ok: true });
    const icon = await client().get("/favicon.ico");
    expect(icon.headers.get("content-type")).toStartWith("image/svg+xml");
  });
}
