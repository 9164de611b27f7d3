/**
 * Leaves a note of the request that began last, where the keeper finds it when this process has stopped turning: method
 * and path, never the query, which may hold secrets. One encoding into shared memory for a request; nothing is allocated
 * but the two short strings.
 */
import type { Note } from "../../proxy/role.ts";

export function requestNote(note: Note): (method: string, url: string) => void {
  const encoder = new TextEncoder();
  return (method, url) => {
    note.setLength(encoder.encodeInto(`${method} ${pathOf(url)}`, note.bytes).written);
  };
}

/** The path of a URL, absolute or not. */
export function pathOf(url: string): string {
  const start = url.startsWith("http") ? url.indexOf("/", "https://".length) : 0;
  const query = url.indexOf("?", start);
  return url.slice(start, query === -1 ? undefined : query);
}
