/**
 * Which upstream a request goes to: by its host (exact, then the longest "*.suffix", then any) and by the longest beginning
 * of its path that ends where a segment does. Nothing is made for a lookup: hosts are found by a hash of their bytes.
 * Invariant: a path that could be read in two ways (percent-encoded, with dot segments, with empty ones) is routed only if
 * both lead to the same upstream, so that no spelling gets around a route.
 */
import { equalsAsciiFold } from "../base/bytes.ts";
import type { HttpHead } from "../http/head.ts";
import type { RouteSetup } from "./setup.ts";

/** "unknown": no route fits. "ambiguous": it depends on how the path is read. */
export type Routed<T> = { readonly to: T } | "unknown" | "ambiguous";

interface PathRule<T> {
  readonly bytes: Uint8Array;
  readonly text: string;
  readonly routed: { readonly to: T };
}

interface Site<T> {
  /** In lower case; of "*.example" it is ".example". */
  readonly name: string;
  /** The longest first. */
  readonly rules: PathRule<T>[];
}

const DOT = 0x2e;
const SLASH = 0x2f;
const QUERY = 0x3f;
const PERCENT = 0x25;
const BACKSLASH = 0x5c;
const LETTER_A = 0x41;
const LETTER_Z = 0x5a;
const FNV_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

export class Routes<T> {
  readonly #exact = new Map<number, Site<T>[]>();
  readonly #below = new Map<number, Site<T>[]>();
  readonly #any: Site<T> = { name: "", rules: [] };
  /** The path decides somewhere. */
  readonly #minds: boolean;
  readonly #namesHosts: boolean;

  constructor(routes: readonly RouteSetup[], resolve: (upstream: string) => T) {
    for (const { host, path, upstream } of routes) {
      const text = path === "" ? "/" : path;
      const rule = { text, bytes: new TextEncoder().encode(text), routed: { to: resolve(upstream) } };
      const { rules } = this.#siteFor(host);
      if (!rules.some((known) => known.text === text)) rules.push(rule);
      rules.sort((one, other) => other.bytes.length - one.bytes.length);
    }
    this.#namesHosts = this.#exact.size + this.#below.size > 0;
    this.#minds = routes.some(({ path }) => path !== "/");
  }

  find(head: HttpHead): Routed<T> {
    const routed = this.#find(head, head.bytes, head.base + head.pathStart, head.base + head.targetEnd);
    if (!this.#minds || !isOdd(head)) return routed;
    const plain = new TextEncoder().encode(plainPath(head.pathText));
    const other = this.#find(head, plain, 0, plain.length);
    return upstreamOf(routed) === upstreamOf(other) ? routed : "ambiguous";
  }

  #siteFor(host: string | undefined): Site<T> {
    if (host === undefined || host === "*") return this.#any;
    const below = host.startsWith("*.");
    const name = (below ? host.slice(1) : host).toLowerCase();
    const sites = below ? this.#below : this.#exact;
    const hash = hashBackward(name);
    const same = sites.get(hash) ?? [];
    sites.set(hash, same);
    let site = same.find((known) => known.name === name);
    if (site === undefined) same.push((site = { name, rules: [] }));
    return site;
  }

  /** Goes through the host from its end, where every suffix has its hash; what is found later is more specific. */
  #find(head: HttpHead, path: Uint8Array, start: number, end: number): Routed<T> {
    let best = matchPath(this.#any, path, start, end);
    if (!this.#namesHosts) return best ?? "unknown";
    const { bytes } = head;
    const hostStart = head.base + head.hostStart;
    let hostEnd = head.base + head.hostEnd;
    if (hostEnd > hostStart && bytes[hostEnd - 1] === DOT) hostEnd -= 1;
    let hash = FNV_BASIS;
    for (let at = hostEnd - 1; at >= hostStart; at--) {
      const byte = lower(bytes[at]!);
      hash = Math.imul(hash ^ byte, FNV_PRIME);
      if (byte !== DOT || at === hostStart || this.#below.size === 0) continue;
      best = matchPath(named(this.#below.get(hash), bytes, at, hostEnd), path, start, end) ?? best;
    }
    const exact = hostEnd > hostStart ? named(this.#exact.get(hash), bytes, hostStart, hostEnd) : undefined;
    return matchPath(exact, path, start, end) ?? best ?? "unknown";
  }
}

/** Of those that share a hash. */
function named<T>(
  same: readonly Site<T>[] | undefined,
  bytes: Uint8Array,
  start: number,
  end: number,
): Site<T> | undefined {
  if (same === undefined) return undefined;
  for (const site of same) if (equalsAsciiFold(bytes, start, end, site.name)) return site;
  return undefined;
}

/** [start, end) is path and query; an empty one is "/". */
function matchPath<T>(
  site: Site<T> | undefined,
  bytes: Uint8Array,
  start: number,
  end: number,
): { readonly to: T } | undefined {
  if (site === undefined) return undefined;
  const { rules } = site;
  for (let index = 0; index < rules.length; index++) {
    const rule = rules[index]!;
    if (rule.bytes.length === 1 || begins(rule.bytes, bytes, start, end)) return rule.routed;
  }
  return undefined;
}

/** "/a" begins "/a", "/a/b" and "/a?b", and not "/ab". */
function begins(rule: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  const { length } = rule;
  if (end - start < length) return false;
  for (let index = 0; index < length; index++) if (bytes[start + index] !== rule[index]) return false;
  if (rule[length - 1] === SLASH || end - start === length) return true;
  const next = bytes[start + length];
  return next === SLASH || next === QUERY;
}

function lower(byte: number): number {
  return byte >= LETTER_A && byte <= LETTER_Z ? byte | 0x20 : byte;
}

function hashBackward(name: string): number {
  let hash = FNV_BASIS;
  for (let at = name.length - 1; at >= 0; at--) hash = Math.imul(hash ^ name.charCodeAt(at), FNV_PRIME);
  return hash;
}

function upstreamOf<T>(routed: Routed<T>): T | undefined {
  return typeof routed === "string" ? undefined : routed.to;
}

/** Whether someone could read the path otherwise than byte by byte. */
function isOdd(head: HttpHead): boolean {
  const { bytes } = head;
  const end = head.base + head.targetEnd;
  let before = 0;
  for (let at = head.base + head.pathStart; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === QUERY) return false;
    if (byte === PERCENT || byte === BACKSLASH) return true;
    if (before === SLASH && (byte === DOT || byte === SLASH)) return true;
    before = byte;
  }
  return false;
}

/** As the most obliging server would read it: decoded, backslashes turned, empty and dot segments resolved. */
function plainPath(text: string): string {
  const [path = ""] = text.split("?", 1);
  const decoded = path.replace(/%([0-9A-Fa-f]{2})/g, (_, code: string) => String.fromCharCode(parseInt(code, 16)));
  const segments: string[] = [];
  const parts = decoded.replaceAll("\\", "/").split("/");
  for (const part of parts) {
    if (part === "..") segments.pop();
    else if (part !== "" && part !== ".") segments.push(part);
  }
  const last = parts.at(-1);
  const folder = segments.length > 0 && (last === "" || last === "." || last === "..");
  return `/${segments.join("/")}${folder ? "/" : ""}`;
}
