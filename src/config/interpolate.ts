/**
 * `${env:NAME}` and `${file:PATH}` in a text value: how a secret gets into the tree without standing in the file. `$${`
 * is a plain `${`. Not the hiding of what came in: whoever calls this marks the value as hidden.
 */
import { readFileSync, statSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import type { ProblemCode } from "../problem/codes.ts";

export const REFERENCE_BYTES_MAX = 65_536;

export interface Surroundings {
  readonly env: { readonly [name: string]: string | undefined };
  /** What relative paths are relative to. */
  readonly folder: string;
  /** The text is a URL, and what is put into it is percent-encoded. */
  readonly inUrl: boolean;
}

export interface Flaw {
  readonly code: ProblemCode;
  readonly reason: string;
  readonly why?: string;
  readonly fix?: string;
}

export type Interpolated =
  { readonly value: string; readonly references: number; readonly flaw?: undefined } | { readonly flaw: Flaw };

const REFERENCE = /\$\$\{|\$\{([^}]*)(\}?)/g;

export function interpolate(text: string, around: Surroundings): Interpolated {
  if (!text.includes("${")) return { value: text, references: 0 };
  let value = "";
  let end = 0;
  let references = 0;
  for (const match of text.matchAll(REFERENCE)) {
    value += text.slice(end, match.index);
    end = match.index + match[0].length;
    if (match[0] === "$${") {
      value += "${";
      continue;
    }
    const found = match[2] === "}" ? lookUp(match[1] ?? "", around) : notAReference(`"\${" without "}"`);
    if (typeof found !== "string") return { flaw: found };
    references += 1;
    value += around.inUrl && match[0] !== text ? encodeURIComponent(found) : found;
  }
  return { value: value + text.slice(end), references };
}

function lookUp(reference: string, around: Surroundings): string | Flaw {
  const colon = reference.indexOf(":");
  const kind = colon === -1 ? "" : reference.slice(0, colon);
  const name = reference.slice(colon + 1).trim();
  if (kind === "env") return fromEnvironment(name, around);
  if (kind === "file") return fromFile(name, around);
  return notAReference(`"\${${reference.slice(0, 40)}}"`);
}

function notAReference(what: string): Flaw {
  return {
    code: "CONFIG_REFERENCE",
    reason: `${what} is not a reference`,
    fix: "Write ${env:NAME} or ${file:PATH}; for a plain ${ write $${",
  };
}

function fromEnvironment(name: string, { env }: Surroundings): string | Flaw {
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  if (value !== undefined) return value;
  return {
    code: "CONFIG_ENV_MISSING",
    reason: `the environment has no ${name === "" ? "variable without a name" : name}`,
    fix: `Set ${name === "" ? "NAME" : name} before scale is started; in a systemd unit with Environment= or EnvironmentFile=`,
  };
}

function fromFile(name: string, { folder }: Surroundings): string | Flaw {
  const path = isAbsolute(name) ? name : resolve(folder, name);
  const fix = "Check the path and that the user scale runs as may read the file";
  const flaw = (reason: string): Flaw => ({
    code: "CONFIG_SECRET_UNREADABLE",
    reason: `the file "${name}" ${reason}`,
    fix,
  });
  if (name === "") return flaw("has no name");
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) return flaw("is a folder");
    if (!stat.isFile()) return flaw("is not a regular file");
    if (stat.size > REFERENCE_BYTES_MAX) return flaw(`has ${stat.size} bytes, more than ${REFERENCE_BYTES_MAX}`);
    const text = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path).subarray(0, REFERENCE_BYTES_MAX));
    return text.replace(/\r?\n$/, "");
  } catch (error) {
    return flaw(reasonOf(error));
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof TypeError) return "is not UTF-8 text";
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "ENOENT") return "does not exist";
  if (code === "EACCES") return "may not be read by this user";
  return `cannot be read: ${code === "" ? "unknown reason" : code}`;
}
