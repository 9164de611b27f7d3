import { describe, expect, test } from "bun:test";
import { escapeHtml, pagePolicy, type PageView, readable, renderPage } from "../../../../src/demo/page.ts";

const HOSTILE = `"'><script>alert(1)</script><img src=x onerror=alert(1)>{{worker}}$&`;
const bare: PageView = { site: "example.com", worker: 42, tier: undefined, links: [] };

describe("renderPage", () => {
  test("fills every place of the frame", () => {
    const html = renderPage({ ...bare, tier: "2" });
    expect(html.replace(/<(style|script)>[^]*?<\/\1>/g, "")).not.toMatch(/\{\{|\}\}|undefined|\[object/);
    expect(html).toContain("Tier 2: a worker per core, one pool. ");
    expect(html).toContain('<span id="worker">42</span>');
  });

  test("says nothing of tiers when it is told none, and does not invent a meaning", () => {
    expect(renderPage(bare)).not.toContain("Tier ");
    expect(renderPage({ ...bare, tier: "9" })).toContain("Tier 9. ");
  });

  test("escapes whatever came from people", () => {
    const html = renderPage({
      site: HOSTILE,
      worker: 1,
      tier: HOSTILE,
      links: [{ slug: HOSTILE, url: HOSTILE, owner: HOSTILE, createdAt: new Date(0), clicks: 1 }],
      made: { slug: HOSTILE, url: HOSTILE },
      typed: { url: HOSTILE, slug: HOSTILE },
      note: HOSTILE,
    });
    expect(html).not.toContain("<script>alert");
    expect(html).not.toContain("<img");
    // What a person wrote is not a place to fill, nor an instruction of String.replace.
    expect(html).toContain("{{worker}}$&#38;");
  });

  test("hides the card of the new link until there is one", () => {
    expect(renderPage(bare)).toContain('<div class="made" hidden>');
    const html = renderPage({ ...bare, made: { slug: "abc", url: "https://www.example.org/x/" } });
    expect(html).toContain('<div class="made"><a class="short" href="/abc"');
    expect(html).toContain("example.com/<wbr>abc</a>");
    expect(html).toContain(">example.org/x</span>");
  });

  test("keeps what was typed beside the note, and shows a chosen ending again", () => {
    const html = renderPage({ ...bare, typed: { url: "htp://x", slug: "a/b" }, note: "Only http." });
    expect(html).toContain('value="htp://x"');
    expect(html).toContain('value="a/b"');
    expect(html).toContain("<details open>");
    expect(html).toContain(">Only http.</p>");
  });

  test("counts in English", () => {
    const link = { slug: "abc", url: "https://example.com/", owner: null, createdAt: new Date(0) };
    expect(renderPage({ ...bare, links: [{ ...link, clicks: 1 }] })).toContain("<b>1</b> <small>click</small>");
    expect(renderPage({ ...bare, links: [{ ...link, clicks: 1234 }] })).toContain("<b>1,234</b> <small>clicks</small>");
  });
});

describe("pagePolicy", () => {
  test("allows the style and the script of the page by their digests", () => {
    const html = renderPage(bare);
    for (const element of ["style", "script"]) {
      const parts = html.split(new RegExp(`</?${element}>`));
      expect(parts.length).toBe(3);
      const digest = new Bun.CryptoHasher("sha256").update(parts[1] ?? "").digest("base64");
      expect(pagePolicy).toContain(`${element}-src 'sha256-${digest}'`);
    }
  });

  test("allows nothing from elsewhere, and the page asks for nothing", () => {
    expect(pagePolicy).toStartWith("default-src 'none'; ");
    expect(pagePolicy).not.toMatch(/unsafe|\*|http/);
    expect(renderPage(bare)).not.toMatch(/(src|href)="(https?:)?\/\//);
  });
});

test("escapeHtml: leaves no character that ends a text or an attribute", () => {
  expect(escapeHtml(`a&b<c>d"e'f\`g`)).toBe("a&#38;b&#60;c&#62;d&#34;e&#39;f&#96;g");
});

test("readable: leaves out what people do not read", () => {
  expect(readable("https://www.example.com/")).toBe("example.com");
  expect(readable("HTTP://example.com/a/?b=https://www.c/")).toBe("example.com/a/?b=https://www.c");
});
