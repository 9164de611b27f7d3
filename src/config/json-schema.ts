/**
 * The knob tables as JSON Schema, for editors: completion, hover texts and squiggles while a file is written. What only
 * `scale check` can know (references, files, conflicts) is not in it. Spec: JSON Schema draft-07, which TOML editors read.
 */
import type { Row, Rows, Shape } from "../../proxy/base/schema.ts";
import { LIST_COUNT_MAX, TEXT_LENGTH_MAX } from "../../proxy/base/schema.ts";
import { configRows } from "./config.ts";
import { defaultOf, describe } from "./describe.ts";

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };
type JsonObject = { readonly [name: string]: Json };

/** What a text with a reference in it looks like; it may stand for any plain value. */
const REFERENCE = { type: "string", pattern: "\\$\\{(env|file):[^}]+\\}" } as const;

export function jsonSchema(): JsonObject {
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "scale.toml",
    description: "The one file of a whole diagram. scale explain SECTION or KNOB tells more.",
    definitions: { reference: REFERENCE },
    ...tableSchema(configRows, undefined),
  };
}

function rowSchema(row: Row): JsonObject {
  const schema = shapeSchema(row);
  const fallback = defaultOf(row);
  const notes = [`${row.doc}.`, row.more, fallback === undefined ? undefined : `Default: ${fallback}.`];
  if (row.notBuilt !== undefined) notes.push(`Not yet: ${row.notBuilt}.`);
  const description = notes.filter((note) => note !== undefined).join("\n\n");
  return { ...schema, description, ...(row.default === undefined ? {} : { default: row.default as Json }) };
}

function tableSchema(rows: Rows, short: string | undefined): JsonObject {
  const required = Object.entries(rows).filter(([, row]) => row.required === true);
  const table: JsonObject = {
    type: "object",
    additionalProperties: false,
    properties: Object.fromEntries(Object.entries(rows).map(([name, row]) => [name, rowSchema(row)])),
    ...(required.length === 0 ? {} : { required: required.map(([name]) => name) }),
  };
  const shortRow = short === undefined ? undefined : rows[short];
  return shortRow === undefined ? table : { anyOf: [table, shapeSchema(shortRow)] };
}

function shapeSchema(shape: Shape): JsonObject {
  switch (shape.kind) {
    case "text":
      return { type: "string", maxLength: shape.lengthMax ?? TEXT_LENGTH_MAX, ...patternOf(shape.pattern) };
    case "integer":
    case "number":
      return orReference({ type: shape.kind, minimum: shape.min, maximum: shape.max });
    case "flag":
      return orReference({ type: "boolean" });
    case "choice":
      return orReference({ type: "string", enum: [...shape.of] });
    case "duration":
      return orReference({
        type: "string",
        pattern: "^([0-9]+(\\.[0-9]+)? ?(ms|s|m|h|d) ?)+$",
        title: describe(shape),
      });
    case "bytes":
      return orReference({
        type: "string",
        pattern: "^[0-9]+(\\.[0-9]+)? ?([kKmMgGtT]([iI]?[bB])?|[bB])$",
        title: describe(shape),
      });
    case "address":
      return {
        anyOf: [
          { type: "string", title: describe(shape) },
          { type: "integer", minimum: 0, maximum: 65_535 },
        ],
      };
    case "url":
      return orReference({ type: "string", pattern: `^(${shape.schemes.join("|")})://` });
    case "path":
      return { type: "string", minLength: 1 };
    case "list":
      return listSchema(shape);
    case "map":
      return { type: "object", additionalProperties: shapeSchema(shape.of) };
    case "table":
      return tableSchema(shape.rows, shape.short);
    case "either":
      return { anyOf: shape.of.map(shapeSchema) };
  }
}

function listSchema(shape: Extract<Shape, { readonly kind: "list" }>): JsonObject {
  const items = shapeSchema(shape.of);
  const list = { type: "array", items, minItems: shape.countMin ?? 0, maxItems: shape.countMax ?? LIST_COUNT_MAX };
  return shape.single === true ? { anyOf: [list, items] } : list;
}

function orReference(schema: JsonObject): JsonObject {
  return { anyOf: [schema, { $ref: "#/definitions/reference" }] };
}

function patternOf(pattern: string | undefined): JsonObject {
  return pattern === undefined ? {} : { pattern: `(${pattern})|\\$\\{` };
}
