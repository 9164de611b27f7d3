/**
 * Tar archives as we make them (ustar, sorted, no times, no owners: equal trees give equal bytes) and as we and Postgres
 * send them, unpacked as a stream in constant memory. Not a general tar: names beyond ustar, hard links and devices are
 * refused. Unlike `Bun.Archive` it takes a stream and keeps modes whatever the umask is.
 * Invariant: nothing is written outside the folder, and an archive that is cut short throws.
 * Format: POSIX.1-2024, pax, "ustar Interchange Format".
 */
import { chmodSync, closeSync, fchmodSync, mkdirSync, openSync, symlinkSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";

const BLOCK = 512;
const NAME_MAX = 100;
const PREFIX_MAX = 155;
const LINK_MAX = 100;
/** More entries than this are an attack or a mistake: Postgres' own tree has 1 000, a data folder some thousands. */
const ENTRIES_MAX = 1_000_000;

const TYPES = { "0": "file", "\0": "file", "2": "link", "5": "folder" } as const;

export interface TarEntry {
  readonly path: string;
  readonly kind: (typeof TYPES)[keyof typeof TYPES];
  readonly mode: number;
  /** Bytes of content; 0 unless it is a file. */
  readonly size: number;
  /** Where a link points to; a name in the same folder. */
  readonly target?: string;
}

export class TarFault extends Error {
  override readonly name = "TarFault";
}

/** The 512 bytes before the content of an entry. Throws when the path does not fit into ustar. */
export function encodeEntry(entry: TarEntry): Uint8Array {
  const block = new Uint8Array(BLOCK);
  const { prefix, name } = splitPath(entry.path);
  put(block, 0, name);
  put(block, 100, octal(entry.mode, 7));
  put(block, 108, octal(0, 7));
  put(block, 116, octal(0, 7));
  put(block, 124, octal(entry.size, 11));
  put(block, 136, octal(0, 11));
  put(block, 148, "        ");
  put(block, 156, entry.kind === "file" ? "0" : entry.kind === "link" ? "2" : "5");
  put(block, 157, entry.target ?? "");
  put(block, 257, "ustar\x0000");
  put(block, 345, prefix);
  put(block, 148, `${octal(sumOf(block), 6)}\0 `);
  return block;
}

/** How many zero bytes follow a content of `size` bytes. */
export function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

/** What ends an archive. */
export function endOfArchive(): Uint8Array {
  return new Uint8Array(2 * BLOCK);
}

/** The entry a header block announces; `undefined` for the zero block that ends an archive. */
export function decodeEntry(block: Uint8Array): TarEntry | undefined {
  if (block.every((byte) => byte === 0)) return undefined;
  const stated = number(block, 148, 8);
  const summed = block.slice();
  summed.fill(0x20, 148, 156);
  if (stated !== sumOf(summed)) throw new TarFault("Cannot read the archive: a header has the wrong checksum");
  const letter = String.fromCharCode(block[156] ?? 0);
  if (!(letter in TYPES)) throw new TarFault(`Cannot read the archive: entry type "${letter}" is not known`);
  const kind = TYPES[letter as keyof typeof TYPES];
  const prefix = text(block, 257, 5) === "ustar" ? text(block, 345, PREFIX_MAX) : "";
  const name = text(block, 0, NAME_MAX);
  const path = checkedPath(prefix === "" ? name : `${prefix}/${name}`);
  const mode = number(block, 100, 8) & 0o777;
  const size = number(block, 124, 12);
  if (kind === "link") return { path, kind, mode, size: 0, target: checkedTarget(text(block, 157, LINK_MAX)) };
  return { path, kind, mode, size: kind === "file" ? size : 0 };
}

export interface UnpackOptions {
  /** Whether symbolic links are made (to names in the same folder only) or refused. */
  readonly links: boolean;
}

export interface Unpacked {
  readonly files: number;
  readonly bytes: number;
}

/** Unpacks an archive, in pieces of any size, into an existing folder. Memory: one piece and one block. */
export async function unpackTar(
  pieces: AsyncIterable<Uint8Array>,
  folder: string,
  options: UnpackOptions,
): Promise<Unpacked> {
  const unpacker = new Unpacker(folder, options);
  try {
    for await (const piece of pieces) unpacker.take(piece);
    return unpacker.finish();
  } finally {
    unpacker.close();
  }
}

/** Where the next byte of the archive belongs: to a header, to a file's content, or to the zeros behind it. */
class Unpacker {
  readonly #folder: string;
  readonly #options: UnpackOptions;
  readonly #header = new Uint8Array(BLOCK);
  readonly #folders: { readonly path: string; readonly mode: number }[] = [];
  readonly #made = new Set<string>();
  #headerFilled = 0;
  #contentLeft = 0;
  #paddingLeft = 0;
  #fd = -1;
  #ended = false;
  #entries = 0;
  #files = 0;
  #bytes = 0;

  constructor(folder: string, options: UnpackOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  take(piece: Uint8Array): void {
    let at = 0;
    while (at < piece.length && !this.#ended) {
      if (this.#contentLeft > 0) at += this.#content(piece, at);
      else if (this.#paddingLeft > 0) at += this.#skip(piece.length - at);
      else at += this.#head(piece, at);
    }
  }

  finish(): Unpacked {
    if (!this.#ended) throw new TarFault("Cannot unpack the archive: it is cut short");
    for (const { path, mode } of this.#folders.reverse()) chmodSync(path, mode);
    return { files: this.#files, bytes: this.#bytes };
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }

  #head(piece: Uint8Array, at: number): number {
    const taken = Math.min(BLOCK - this.#headerFilled, piece.length - at);
    this.#header.set(piece.subarray(at, at + taken), this.#headerFilled);
    this.#headerFilled += taken;
    if (this.#headerFilled === BLOCK) {
      this.#headerFilled = 0;
      const entry = decodeEntry(this.#header);
      if (entry === undefined) this.#ended = true;
      else this.#begin(entry);
    }
    return taken;
  }

  #begin(entry: TarEntry): void {
    this.#entries += 1;
    if (this.#entries > ENTRIES_MAX) throw new TarFault(`Cannot unpack the archive: more than ${ENTRIES_MAX} entries`);
    const path = join(this.#folder, entry.path);
    if (entry.kind === "folder") return this.#makeFolder(path, entry.mode);
    this.#makeParents(path);
    if (entry.kind === "link") {
      if (!this.#options.links) throw new TarFault(`Cannot unpack "${entry.path}": links are not expected here`);
      return symlinkSync(entry.target ?? "", path);
    }
    this.#files += 1;
    this.#bytes += entry.size;
    this.#fd = openSync(path, "wx", 0o600);
    fchmodSync(this.#fd, entry.mode);
    this.#contentLeft = entry.size;
    this.#paddingLeft = padding(entry.size);
    if (entry.size === 0) this.close();
  }

  #content(piece: Uint8Array, at: number): number {
    const taken = Math.min(this.#contentLeft, piece.length - at);
    let written = 0;
    while (written < taken) written += writeSync(this.#fd, piece, at + written, taken - written);
    this.#contentLeft -= taken;
    if (this.#contentLeft === 0) this.close();
    return taken;
  }

  #skip(available: number): number {
    const taken = Math.min(this.#paddingLeft, available);
    this.#paddingLeft -= taken;
    return taken;
  }

  /** Folders get their mode at the end: one that may not be written to must still be filled. */
  #makeFolder(path: string, mode: number): void {
    this.#makeParents(path);
    if (!this.#made.has(path)) mkdirSync(path, { recursive: true, mode: 0o700 });
    this.#made.add(path);
    this.#folders.push({ path, mode });
  }

  #makeParents(path: string): void {
    const parent = dirname(path);
    if (parent === this.#folder || this.#made.has(parent)) return;
    mkdirSync(parent, { recursive: true, mode: 0o700 });
    this.#made.add(parent);
  }
}

function splitPath(path: string): { prefix: string; name: string } {
  if (new TextEncoder().encode(path).length !== path.length) {
    throw new TarFault(`Cannot pack "${path}": only ASCII names are packed`);
  }
  if (path.length <= NAME_MAX) return { prefix: "", name: path };
  const cut = path.indexOf("/", path.length - NAME_MAX - 1);
  if (cut < 0 || cut > PREFIX_MAX) throw new TarFault(`Cannot pack "${path}": the path is too long for ustar`);
  return { prefix: path.slice(0, cut), name: path.slice(cut + 1) };
}

function checkedPath(raw: string): string {
  const path = raw.replace(/^(\.\/)+/, "").replace(/\/+$/, "") || ".";
  const bad = path.startsWith("/") || path.split("/").some((part) => part === "" || part === "..");
  if (bad) throw new TarFault(`Cannot unpack "${raw}": the path leaves the folder`);
  return path;
}

function checkedTarget(target: string): string {
  if (target === "" || target === "." || target === ".." || target.includes("/")) {
    throw new TarFault(`Cannot unpack a link to "${target}": only names in the same folder are followed`);
  }
  return target;
}

function octal(value: number, digits: number): string {
  const written = value.toString(8).padStart(digits, "0");
  if (written.length > digits) throw new TarFault(`Cannot pack: ${value} does not fit into ${digits} octal digits`);
  return written;
}

/** A header's number: octal digits, or base 256 when the first bit is set (sizes of 8 GB and more). */
function number(block: Uint8Array, at: number, length: number): number {
  const first = block[at] ?? 0;
  let value = 0;
  if ((first & 0x80) !== 0) {
    for (let i = at + 1; i < at + length; i++) value = value * 256 + (block[i] ?? 0);
  } else {
    const digits = text(block, at, length).trim();
    if (!/^[0-7]*$/.test(digits)) throw new TarFault(`Cannot read the archive: "${digits}" is not an octal number`);
    value = digits === "" ? 0 : Number.parseInt(digits, 8);
  }
  if (!Number.isSafeInteger(value)) throw new TarFault("Cannot read the archive: a number is out of range");
  return value;
}

function text(block: Uint8Array, at: number, length: number): string {
  let end = at;
  while (end < at + length && block[end] !== 0) end += 1;
  return new TextDecoder().decode(block.subarray(at, end));
}

function put(block: Uint8Array, at: number, value: string): void {
  block.set(new TextEncoder().encode(value), at);
}

function sumOf(block: Uint8Array): number {
  return block.reduce((sum, byte) => sum + byte, 0);
}
