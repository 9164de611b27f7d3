/**
 * Anything that a program threw, as a Problem that names the line of the user's own file. Bun throws a BuildMessage
 * when a file cannot be parsed and a ResolveMessage when an import cannot be found; everything else has a stack, or is
 * not even an Error. Not a judge: which code a failure gets is its caller's to say, but for those two.
 */
import { readFileSync, statSync } from "node:fs";
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { ProblemCode } from "../problem/codes.ts";
import { type Place, Problem, type ProblemParts } from "../problem/problem.ts";

export interface Trouble {
  readonly code: ProblemCode;
  /** What could not be done, without the reason: `Cannot load "server.ts"`. */
  readonly what: string;
  /** The file that is named when nothing better is known. */
  readonly file?: string;
  readonly fix?: string;
}

export interface Frame {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** As many lines of a stack as help anyone. */
const STACK_LINES_MAX = 8;
const SOURCE_BYTES_MAX = 8 << 20;
const SOURCE_LINE_MAX = 240;
const MESSAGE_MAX = 1_000;
const CAUSE_MAX = 300;
/** Our own files: frames in them say nothing about the program. */
const OURS = dirname(import.meta.dir);

export function problemOf(thrown: unknown, trouble: Trouble): Problem {
  if (thrown instanceof Problem) return thrown;
  if (isBuildMessage(thrown)) return ofSyntax(thrown, trouble);
  if (isResolveMessage(thrown)) return ofImport(thrown, trouble);
  if (thrown instanceof AggregateError) {
    const first: unknown = thrown.errors.find(isBuildMessage);
    if (isBuildMessage(first)) return ofSyntax(first, trouble, thrown.errors.length);
  }
  if (thrown instanceof Error) return ofError(thrown, trouble);
  const place = trouble.file === undefined ? undefined : { file: trouble.file };
  return make(
    trouble,
    `${trouble.what}: it threw ${describe(thrown)}, which is not an Error and so names no line`,
    place,
  );
}

/** The frames of a stack that are files of the user's, the innermost first; those of packages after their own. */
export function userFrames(stack: string | undefined): readonly Frame[] {
  const frames = (stack ?? "").split("\n").flatMap(frameOf).filter(isTheirs);
  const isPackage = (frame: Frame): boolean => frame.file.includes("/node_modules/");
  return [...frames.filter((frame) => !isPackage(frame)), ...frames.filter(isPackage)];
}

/** A place with the text of its line, if the file can still be read. */
export function placeOf(frame: Frame): Place {
  const text = lineOf(frame.file, frame.line);
  return { ...frame, ...(text === undefined ? {} : { text }) };
}

function ofError(error: Error, trouble: Trouble): Problem {
  const [frame] = userFrames(error.stack);
  const place = frame === undefined ? missingExport(error, trouble) : placeOf(frame);
  const [title = "", ...more] = titleOf(error).split("\n");
  const why = [...more, ...stackOf(error), causeOf(error)].filter((line) => line.trim() !== "").join("\n");
  return make(trouble, `${trouble.what}: ${title}`, place, why);
}

interface BuildMessageLike {
  readonly name: "BuildMessage";
  readonly message: string;
  readonly position: { file: string; line: number; column: number; length: number; lineText: string } | null;
}

function ofSyntax(message: BuildMessageLike, trouble: Trouble, count = 1): Problem {
  const at = message.position;
  const place: Place | undefined =
    at === null
      ? undefined
      : { file: at.file, line: at.line, column: at.column, width: Math.max(1, at.length), text: at.lineText };
  const file = basename(at?.file ?? trouble.file ?? "the program");
  const why = count > 1 ? `There are ${count} such errors; this is the first.` : "";
  return make({ ...trouble, code: "APP_SYNTAX" }, `Cannot parse "${file}": ${message.message}`, place, why);
}

interface ResolveMessageLike {
  readonly name: "ResolveMessage";
  readonly message: string;
  readonly referrer: string;
  readonly specifier: string;
}

function ofImport(message: ResolveMessageLike, trouble: Trouble): Problem {
  const { specifier, referrer } = message;
  const isPath = specifier.startsWith(".") || specifier.startsWith("/");
  const what = `Cannot find ${isPath ? "file" : "package"} "${specifier}", which "${basename(referrer)}" imports`;
  const fix = isPath
    ? "Correct the path, or put the file there"
    : `Run \`npm install ${packageOf(specifier)}\` in the program's folder`;
  return make({ ...trouble, code: "APP_MODULE_MISSING", fix }, what, lineWith(referrer, specifier));
}

function make(trouble: Trouble, what: string, where?: Place, why = ""): Problem {
  const { code, fix } = trouble;
  const parts: ProblemParts = {
    what: what.slice(0, MESSAGE_MAX),
    ...(where === undefined ? {} : { where }),
    ...(why === "" ? {} : { why }),
    ...(fix === undefined ? {} : { fix }),
  };
  return new Problem(code, parts);
}

/** An import of a name that a module does not export fails without a stack; the entry's own import line is found by the name. */
function missingExport(error: Error, trouble: Trouble): Place | undefined {
  if (trouble.file === undefined) return undefined;
  const name = error instanceof SyntaxError ? /'([^']+)'/.exec(error.message)?.[1] : undefined;
  return name === undefined ? { file: trouble.file } : lineWith(trouble.file, name);
}

/** The first line of `file` that has `text` in it; the whole file when there is none. */
function lineWith(file: string, text: string): Place {
  const lines = sourceOf(file)?.split("\n") ?? [];
  const index = lines.findIndex((line) => line.includes(text));
  const line = lines[index];
  if (line === undefined) return { file };
  return {
    file,
    line: index + 1,
    column: line.indexOf(text) + 1,
    width: text.length,
    text: line.slice(0, SOURCE_LINE_MAX),
  };
}

function lineOf(file: string, line: number): string | undefined {
  return sourceOf(file)
    ?.split("\n")
    .at(line - 1)
    ?.slice(0, SOURCE_LINE_MAX);
}

function sourceOf(file: string): string | undefined {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat?.isFile() === true && stat.size <= SOURCE_BYTES_MAX ? readFileSync(file, "utf8") : undefined;
}

function frameOf(line: string): Frame[] {
  const match = /^\s*at (?:.*\()?((?:file:\/\/)?\/.*?):(\d+):(\d+)\)?$/.exec(line);
  if (match === null) return [];
  const [, path = "", row, column] = match;
  return [{ file: path.startsWith("file:") ? fileURLToPath(path) : path, line: Number(row), column: Number(column) }];
}

function isTheirs(frame: Frame): boolean {
  return !frame.file.startsWith("/$bunfs/") && !frame.file.startsWith(`${OURS}/`);
}

/** The way to the place that is named; nothing when that is all there is. */
function stackOf(error: Error): string[] {
  const lines = (error.stack ?? "").split("\n").filter((line) => frameOf(line).some(isTheirs));
  return lines.length < 2 ? [] : lines.slice(0, STACK_LINES_MAX).map((line) => line.trim());
}

function causeOf(error: Error): string {
  if (error.cause === undefined) return "";
  const cause = error.cause instanceof Error ? titleOf(error.cause) : describe(error.cause);
  return `Caused by ${cause.slice(0, CAUSE_MAX)}`;
}

function titleOf(error: Error): string {
  const text = error.message === "" ? "no message" : error.message;
  return error.name === "Error" ? text : `${error.name}: ${text}`;
}

function describe(thrown: unknown): string {
  return typeof thrown === "string" ? JSON.stringify(thrown) : Bun.inspect(thrown, { depth: 1 });
}

function packageOf(specifier: string): string {
  const parts = specifier.split("/");
  return parts.slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
}

function isBuildMessage(thrown: unknown): thrown is BuildMessageLike {
  return isNamed(thrown, "BuildMessage");
}

function isResolveMessage(thrown: unknown): thrown is ResolveMessageLike {
  return isNamed(thrown, "ResolveMessage");
}

function isNamed(thrown: unknown, name: string): boolean {
  return (
    typeof thrown === "object" && thrown !== null && "name" in thrown && thrown.name === name && "position" in thrown
  );
}
