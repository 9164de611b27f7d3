/**
 * The language in which a role declares its knobs. A row says what a knob is, what it is when nobody sets it, and what
 * a person is told about it; validation, JSON Schema, `scale explain`, help and the reference all come from it.
 * Not the reading of files or words (that is `src/config`): a row is data, and this file is only types and names.
 * Invariant: `Values<typeof rows>` is the type of what `src/config` makes of `rows`.
 */

/** What a value is. Everything is written in TOML as the `kind` says; `default` is in that same written form. */
export type Shape =
  | TextShape
  | NumberShape
  | FlagShape
  | SpanShape
  | ChoiceShape
  | AddressShape
  | UrlShape
  | PathShape
  | ListShape
  | MapShape
  | TableShape
  | EitherShape;

export interface TextShape {
  readonly kind: "text";
  /** Longest, in characters; `TEXT_LENGTH_MAX` when absent. */
  readonly lengthMax?: number;
  /** What it must look like, and how a person says that. */
  readonly pattern?: string;
  readonly looksLike?: string;
  /** The value names a table of that section; `src/config` checks that it exists. */
  readonly names?: "postgres" | "redis" | "queue" | "lb.upstreams";
}

export interface NumberShape {
  readonly kind: "integer" | "number";
  readonly min: number;
  readonly max: number;
}

export interface FlagShape {
  readonly kind: "flag";
}

/** A duration ("30s", "1m30s", "250ms"; in the tree: milliseconds) or a size ("512MB"; in the tree: bytes). */
export interface SpanShape {
  readonly kind: "duration" | "bytes";
  readonly min: string;
  readonly max: string;
}

export interface ChoiceShape {
  readonly kind: "choice";
  readonly of: readonly string[];
}

/** `host:port`, a port alone (then of 127.0.0.1), or `unix:PATH`; in the tree always `host:port` or `unix:/absolute`. */
export interface AddressShape {
  readonly kind: "address";
  /** "listen": ours, port 0 takes a free one. "dial": another's, a port is needed. */
  readonly use: "listen" | "dial";
}

export interface UrlShape {
  readonly kind: "url";
  readonly schemes: readonly string[];
}

/** A path; relative ones are relative to the file that says them. In the tree always absolute. */
export interface PathShape {
  readonly kind: "path";
  /** Text that starts with "-----BEGIN" is the content itself, not the name of a file. */
  readonly orPem?: true;
}

export interface ListShape {
  readonly kind: "list";
  readonly of: Shape;
  /** One value not in brackets is a list of one. */
  readonly single?: true;
  readonly countMin?: number;
  /** Most items; `LIST_COUNT_MAX` when absent. */
  readonly countMax?: number;
}

export interface MapShape {
  readonly kind: "map";
  readonly of: Shape;
  /** What a key is called in explanations: `NAME` in `[postgres.NAME]`. */
  readonly key: string;
  /** "name": letters, digits, - and _; "any": as written. */
  readonly keys: "name" | "any";
  readonly countMax?: number;
}

export interface TableShape {
  readonly kind: "table";
  readonly rows: Rows;
  /** A text in the table's place stands for a table with this one knob. */
  readonly short?: string;
}

/** The first shape that fits. */
export interface EitherShape {
  readonly kind: "either";
  readonly of: readonly Shape[];
}

/** What a row says besides its shape. */
export interface Words {
  /** One line, no full stop. */
  readonly doc: string;
  /** Why and when, in sentences. */
  readonly more?: string;
  /** As it would stand behind the `=`. */
  readonly example?: string;
  /** What it is when nobody says; a plain value is written in `default`. */
  readonly defaultText?: string;
  /** In written form. Without it and without `required` the value may be absent. */
  readonly default?: Written;
  readonly required?: true;
  /** Of a table: absent unless someone writes it. A table without this is always there, with its defaults. */
  readonly optional?: true;
  /** Never printed. */
  readonly secret?: true;
  /** The role that would obey it cannot yet, and why; absent when it can. */
  readonly notBuilt?: string;
}

export type Written = string | number | boolean | readonly Written[] | { readonly [name: string]: Written };

export type Row = Shape & Words;

export interface Rows {
  readonly [name: string]: Row;
}

export const TEXT_LENGTH_MAX = 65_536;
export const LIST_COUNT_MAX = 1_024;
export const MAP_COUNT_MAX = 1_024;

/** The typed tree of `rows`: camelCase names, `Ms` behind durations and `Bytes` behind sizes. */
export type Values<R> = Flat<
  {
    readonly [N in keyof R & string as IsThere<R[N]> extends true ? NameOf<N, R[N]> : never]: ValueOf<R[N]>;
  } & {
    readonly [N in keyof R & string as IsThere<R[N]> extends true ? never : NameOf<N, R[N]>]?:
      ValueOf<R[N]> | undefined;
  }
>;

/** The type of one value of that shape. */
export type ValueOf<S> = S extends { readonly kind: "text" | "address" | "url" | "path" }
  ? string
  : S extends { readonly kind: "integer" | "number" | "duration" | "bytes" }
    ? number
    : S extends { readonly kind: "flag" }
      ? boolean
      : S extends { readonly kind: "choice"; readonly of: readonly (infer Word)[] }
        ? Word
        : S extends { readonly kind: "list"; readonly of: infer Item }
          ? readonly ValueOf<Item>[]
          : S extends { readonly kind: "map"; readonly of: infer Item }
            ? { readonly [name: string]: ValueOf<Item> }
            : S extends { readonly kind: "table"; readonly rows: infer R }
              ? Values<R>
              : S extends { readonly kind: "either"; readonly of: readonly (infer One)[] }
                ? ValueOf<One>
                : never;

type Flat<T> = { readonly [N in keyof T]: T[N] };

type IsThere<R> = R extends { readonly default: unknown } | { readonly required: true }
  ? true
  : R extends { readonly optional: true }
    ? false
    : R extends { readonly kind: "table" | "map" }
      ? true
      : false;

type NameOf<N extends string, R> = `${Camel<N>}${UnitOf<R>}`;

type Camel<N extends string> = N extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : N;

type UnitOf<S> = [UnitOfShape<S>] extends [never] ? "" : UnitOfShape<S>;

type UnitOfShape<S> = S extends { readonly kind: "duration" }
  ? "Ms"
  : S extends { readonly kind: "bytes" }
    ? "Bytes"
    : S extends { readonly kind: "either"; readonly of: readonly (infer One)[] }
      ? UnitOfShape<One>
      : never;

/** The name in the typed tree of the knob that TOML calls `name`; what `NameOf` says in types. */
export function treeName(name: string, shape: Shape): string {
  const camel = name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  return camel + unitOf(shape);
}

function unitOf(shape: Shape): "" | "Ms" | "Bytes" {
  if (shape.kind === "duration") return "Ms";
  if (shape.kind === "bytes") return "Bytes";
  if (shape.kind !== "either") return "";
  for (const one of shape.of) {
    const unit = unitOf(one);
    if (unit !== "") return unit;
  }
  return "";
}
