/**
 * The demo's one page, filled in on the server so that it works without a script. `page.html` holds the frame, the style
 * and the script, which keeps the counts fresh; the markup of one link is here only, and the script clones it.
 * Invariant: whatever came from a person passes `escapeHtml`, and the policy allows this style and this script by their
 * digest and nothing else, from nowhere else.
 */
import { createHash } from "node:crypto";
import type { Link, RecentLink } from "./links.ts";
import source from "./page.html" with { type: "text" };

/** The type of an HTML import is that of a bundled page; imported as text it is its text. */
const frame = source as unknown as string;

export const pagePolicy = [
  "default-src 'none'",
  `style-src '${digestOf("style")}'`,
  `script-src '${digestOf("script")}'`,
  "connect-src 'self'",
  "img-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

export const favicon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#0a6b4d"/>' +
  '<path d="M8 16h9m-4-5 5 5-5 5m9-10v10" fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round" stroke-linejoin="round"/></svg>';

const TIERS: { readonly [tier: string]: string } = {
  "1": "one app, one Postgres",
  "2": "a worker per core, one pool",
  "3": "many servers, a cache, reads from replicas",
  "4": "many regions, shards, a write buffer",
};

export interface PageView {
  /** The host that people see before the slug. */
  readonly site: string;
  readonly worker: number;
  readonly tier: string | undefined;
  readonly links: readonly RecentLink[];
  /** The link just made. */
  readonly made?: Link | undefined;
  /** What was typed, when it could not be obeyed, and why. */
  readonly typed?: { readonly url: string; readonly slug: string };
  readonly note?: string;
}

export function renderPage(view: PageView): string {
  const typed = view.typed ?? { url: "", slug: "" };
  const parts: { readonly [name: string]: string } = {
    title: "Long links, made short",
    site: escapeHtml(view.site),
    url: escapeHtml(typed.url),
    slug: escapeHtml(typed.slug),
    open: typed.slug === "" ? "" : "open",
    note: escapeHtml(view.note ?? ""),
    made: madeCard(view.site, view.made),
    rows: view.links.map(row).join(""),
    row: row({ slug: "", url: "", owner: null, clicks: 0 }),
    tier: tierText(view.tier),
    worker: String(view.worker),
  };
  return frame.replace(/\{\{(\w+)\}\}/g, (_, name: string) => parts[name] ?? "");
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** A destination as people read it. The script of the page shortens in the same way. */
export function readable(url: string): string {
  return url.replace(/^https?:\/\/(www\.)?/i, "").replace(/\/$/, "");
}

function row(link: Omit<RecentLink, "createdAt">): string {
  const slug = escapeHtml(link.slug);
  const where = link.owner === null ? readable(link.url) : `${readable(link.url)} · ${link.owner}`;
  return (
    `<li data-slug="${slug}"><div><a class="short" href="/${slug}" target="_blank" rel="noopener">/${slug}</a>` +
    `<span class="to" title="${escapeHtml(link.url)}">${escapeHtml(where)}</span></div>` +
    `<button class="copy" type="button">Copy</button>` +
    `<div class="clicks"><b>${link.clicks.toLocaleString("en")}</b> <small>${link.clicks === 1 ? "click" : "clicks"}</small></div></li>`
  );
}

function madeCard(site: string, made: Link | undefined): string {
  const slug = escapeHtml(made?.slug ?? "");
  const url = made?.url ?? "";
  return (
    `<div class="made"${made === undefined ? " hidden" : ""}>` +
    `<a class="short" href="/${slug}" target="_blank" rel="noopener">${escapeHtml(site)}/<wbr>${slug}</a>` +
    `<span class="to" title="${escapeHtml(url)}">${escapeHtml(readable(url))}</span>` +
    `<button class="copy" type="button">Copy</button></div>`
  );
}

function tierText(tier: string | undefined): string {
  if (tier === undefined || tier === "") return "";
  const meaning = TIERS[tier];
  return `Tier ${escapeHtml(tier)}${meaning === undefined ? "" : `: ${meaning}`}. `;
}

function digestOf(element: "style" | "script"): string {
  const text = frame.slice(frame.indexOf(`<${element}>`) + element.length + 2, frame.indexOf(`</${element}>`));
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
