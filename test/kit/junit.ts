/**
 * Reads what `bun test --reporter=junit` writes: per test file, which tests passed, failed and were skipped. Not a
 * reader of XML at large: it knows the one shape Bun 1.4.5 prints, in which every `<testcase>` names its file. A hook is
 * a case called "(unnamed)": one that failed counts, one that was skipped with its group is no test.
 */

export interface FileResult {
  passed: number;
  readonly failed: string[];
  readonly skipped: string[];
}

const CASE = /<testcase\b([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g;
const ATTRIBUTE = /([\w-]+)="([^"]*)"/g;
const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** Results by the file's path as Bun printed it: relative to where it ran. */
export function readJunit(xml: string): ReadonlyMap<string, FileResult> {
  const files = new Map<string, FileResult>();
  for (const [, head = "", body = ""] of xml.matchAll(CASE)) {
    const attributes = new Map([...head.matchAll(ATTRIBUTE)].map(([, name, value]) => [name, unescape(value ?? "")]));
    const file = attributes.get("file") ?? "(no file)";
    const result = files.get(file) ?? { passed: 0, failed: [], skipped: [] };
    files.set(file, result);
    count(result, attributes.get("name") ?? "(no name)", attributes.get("classname") ?? "", body);
  }
  return files;
}

function count(result: FileResult, name: string, groups: string, body: string): void {
  const path = [...groups.split(" > ").filter(Boolean).reverse(), name].join(" > ");
  if (/<(failure|error)\b/.test(body)) result.failed.push(path);
  else if (!/<skipped\b/.test(body)) result.passed += 1;
  else if (name !== "(unnamed)") result.skipped.push(path);
}

function unescape(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([0-9a-fA-F]+)|(\w+));/g, (all, decimal, hex, name) => {
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    return ENTITIES[name] ?? all;
  });
}
