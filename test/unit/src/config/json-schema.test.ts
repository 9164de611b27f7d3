import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { jsonSchema, type Json } from "../../../../src/config/json-schema.ts";

type Schema = { readonly [name: string]: Json };

const root = jsonSchema() as Schema;

/** The part of draft-07 that the schema uses, so that it can be tried on files without another dependency. */
function fits(schema: Schema, value: unknown): boolean {
  const { $ref, anyOf, type } = schema;
  if (typeof $ref === "string")
    return fits((root["definitions"] as Schema)[$ref.split("/").at(-1) ?? ""] as Schema, value);
  if (Array.isArray(anyOf)) return anyOf.some((one) => fits(one as Schema, value));
  if (Array.isArray(schema["enum"]) && !schema["enum"].includes(value as Json)) return false;
  switch (type) {
    case "string":
      return typeof value === "string" && new RegExp(String(schema["pattern"] ?? "")).test(value);
    case "integer":
    case "number": {
      const inRange = Number(value) >= Number(schema["minimum"]) && Number(value) <= Number(schema["maximum"]);
      return typeof value === "number" && inRange && (type === "number" || Number.isInteger(value));
    }
    case "boolean":
      return typeof value === "boolean";
    case "array":
      return (
        Array.isArray(value) &&
        value.length >= Number(schema["minItems"]) &&
        value.every((item) => fits(schema["items"] as Schema, item))
      );
    case "object":
      return fitsObject(schema, value);
    default:
      throw new Error(`The schema has a type that this test does not know: ${String(type)}`);
  }
}

function fitsObject(schema: Schema, value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const properties = (schema["properties"] ?? {}) as { readonly [name: string]: Schema };
  const required = (schema["required"] ?? []) as readonly string[];
  if (!required.every((name) => Object.hasOwn(value, name))) return false;
  return Object.entries(value).every(([name, one]) => {
    const known = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (known !== undefined) return fits(known, one);
    return typeof schema["additionalProperties"] === "object" && fits(schema["additionalProperties"] as Schema, one);
  });
}

const CONFIGS = join(import.meta.dir, "../../../../configs");
const BAD = join(import.meta.dir, "../../../data/config");
const parse = (folder: string, file: string): unknown => Bun.TOML.parse(readFileSync(join(folder, file), "utf8"));

describe("jsonSchema", () => {
  test.each(readdirSync(CONFIGS).filter((name) => name.endsWith(".toml")))("jsonSchema: takes configs/%s", (file) => {
    expect(fits(root, parse(CONFIGS, file))).toBe(true);
  });

  test.each([
    "unknown-key",
    "unknown-section",
    "wrong-case",
    "singular-plural",
    "wrong-type",
    "range",
    "choice",
    "missing-required",
  ])("jsonSchema: refuses %s.toml", (name) => {
    expect(fits(root, parse(BAD, `${name}.toml`))).toBe(false);
  });

  test.each([
    [{ app: { entry: "./x.ts", workers: "${env:WORKERS}" } }, true],
    [{ app: { entry: "./x.ts", workers: "many" } }, false],
    [{ app: { listen: 3000 } }, true],
    [{ app: { listen: 70_000 } }, false],
    [{ postgres: { main: "postgres://h/d" } }, true],
    [{ postgres: { main: "mysql://h/d" } }, false],
    [{ lb: { listen: ["0.0.0.0:80", { address: 8080 }] } }, true],
    [{ lb: { listen: { mode: "http" } } }, false],
    [{ router: { shards: ["a"], tables: { a: "reference", b: { key: "k" }, c: "single:a" } } }, true],
    [{ router: { shards: ["a"], tables: { a: "refernce" } } }, false],
    [{ app: { drain_timeout: "1m30s", memory_max: "512MB" } }, true],
    [{ app: { drain_timeout: "30" } }, false],
  ])("jsonSchema: %j fits: %p", (value, expected) => {
    expect(fits(root, value)).toBe(expected);
  });
});
