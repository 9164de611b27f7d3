/** The Postgres that the executable carries, unpacked for a test that wants its version rather than this machine's. */
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import { unpackTar } from "../../src/up/tar.ts";
import { embeddedPostgres } from "./postgres-driven.ts";

const ARCHIVE = join(import.meta.dir, "../../dist/embedded/postgres.tar.zst");

export interface EmbeddedServer {
  /** Of the program `postgres`. */
  readonly path: string;
  remove(): void;
}

export async function embeddedServer(): Promise<EmbeddedServer> {
  await embeddedPostgres();
  const folder = mkdtempSync(join(tmpdir(), "scale-pg18-"));
  // It is run by another user than the one who unpacks it.
  chmodSync(folder, 0o755);
  await unpackTar(whole(zstdDecompressSync(readFileSync(ARCHIVE))), folder, { links: true });
  return { path: join(folder, "bin/postgres"), remove: () => rmSync(folder, { recursive: true, force: true }) };
}

async function* whole(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
