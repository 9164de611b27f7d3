/**
 * Says in a person's words what is wrong with a TOML statement, from where the parser stopped and what stands there.
 * Knows the usual slips; for all others it repeats the parser's words. Not the finding of statements (`statements.ts`).
 */
export interface Diagnosis {
  readonly what: string;
  readonly why?: string;
  readonly fix?: string;
  /** Into the statement. */
  readonly offset: number;
  readonly width: number;
}

interface Slip {
  /** Over the whole statement; the first group is what is underlined, or the match when there is none. */
  readonly pattern: RegExp;
  readonly what: string;
  readonly why?: string;
  readonly fix: string;
}

/** A longer statement is not looked at. */
const STATEMENT_LENGTH_MAX = 2_000;
const TEXT_FIX = 'Put the text in quotes: name = "value"';

const slips: readonly Slip[] = [
  {
    pattern: /^\s*([{}].*)$/ds,
    what: "a statement does not begin with a brace",
    why: "This is TOML, not JSON.",
    fix: 'Write [section], and under it name = "value"',
  },
  {
    pattern: /^\s*(=)/d,
    what: "there is no key before the =",
    fix: 'Write name = "value" on one line',
  },
  {
    pattern: /^\s*(\.+[\w-]*|[\w-]+(?:\.[\w-]+)*\.(?=\s*=)|[\w.-]*\.\.[\w.-]*)\s*=/d,
    what: "there is a dot too many in the key",
    fix: "Write section.name, with one dot between two words",
  },
  {
    pattern: /^\s*("?[\w.-]+"?\s*:(?!\/\/)).*$/ds,
    what: 'a key and its value are joined by "=", not by ":"',
    why: "This is TOML, not YAML.",
    fix: 'Write name = "value"',
  },
  {
    pattern: /^\s*\[\[?[^\]\n]*$/ds,
    what: 'a "]" is missing at the end of the header',
    fix: "Write [section], or [[section]] for one item of a list",
  },
  {
    pattern: /^\s*(\[\s*\]|\[\[\s*\]\])/ds,
    what: "the header has no name",
    fix: "Write [section]",
  },
  {
    pattern: /^\s*\[\[?[^\]\n]*\]\]?\s*([^\s\]#].*)$/ds,
    what: "there is something behind the header",
    fix: "Put it on a line of its own",
  },
  {
    pattern: /^\s*\[[^[\]\n]*(\]\])/ds,
    what: 'the header opens with "[" and closes with "]]"',
    fix: "Write [section], or [[section]] for one item of a list",
  },
  {
    pattern: /^\s*[\w.-]+\s*(=)\s*(#.*)?$/ds,
    what: "there is no value behind the =",
    fix: "Write a value, or remove the line to have the default",
  },
  {
    pattern: /^\s*[\w.-]+\s*=\s*(True|False|TRUE|FALSE|yes|no|Yes|No|on|off)\s*(#.*)?$/ds,
    what: "this is not a word of TOML",
    why: "TOML knows true and false; every other word is a text and needs quotes.",
    fix: "Write true or false, or put the word in quotes",
  },
  {
    pattern: /^\s*[\w.-]+\s*=\s*("(?:[^"\\\n]|\\.)*)$/d,
    what: "the text is not closed",
    fix: 'Put a " behind it',
  },
  {
    pattern: /^\s*[\w.-]+\s*=\s*('[^'\n]*)$/d,
    what: "the text is not closed",
    fix: "Put a ' behind it",
  },
  {
    pattern: /^\s*[\w.-]+\s*=\s*"(?:[^"\\\n]|\\["\\bfnrtue])*(\\[^"\\bfnrtueUx\n])/d,
    what: "this is not an escape of TOML",
    why: 'Between " a \\ begins an escape such as \\n.',
    fix: "Write \\\\ for one \\, or put the text between ' instead",
  },
  {
    pattern: /^\s*[\w.-]+\s*=\s*(\d+(?:ms|s|m|h|d|B|[KMGT]i?B))\s*(#.*)?$/d,
    what: "a value with a unit needs quotes",
    fix: 'Write it like "30s" or "512MB"',
  },
  {
    pattern: /^\s*[\w.-]+\s*=\s*([A-Za-z./$~_-][^"'\n[{#]*?)\s*(#.*)?$/d,
    what: "a text needs quotes",
    fix: TEXT_FIX,
  },
  {
    pattern: /^\s*[\w.-]+\s*=\s*(\d+(?:\.\d+){2,}[^"'\s]*|\d[\d.]*:\d+)\s*(#.*)?$/d,
    what: "an address needs quotes",
    fix: 'Write it like "127.0.0.1:3000"',
  },
  {
    pattern: /^\s*[\w.-]+\s*=\s*[-+]?(0\d+)\s*(#.*)?$/d,
    what: "a number does not begin with 0",
    fix: "Remove the 0, or put it in quotes if it is not a number",
  },
  {
    pattern: /^\s*[\w.-]+(?:\s+[\w.-]+)*\s*$/d,
    what: 'there is no "=" and no value',
    fix: 'Write name = "value"; a section is written [name]',
  },
  {
    pattern: /^\s*[\w.-]+(\s+)(?:"[^"\n]*"|'[^'\n]*'|[\w.-]+)\s*(#.*)?$/d,
    what: 'there is no "=" between the key and its value',
    fix: 'Write name = "value"',
  },
  {
    pattern: /^\s*([\w.-]+(?:[ \t]+[\w.-]+)+)\s*=/d,
    what: "a key is one word",
    fix: "Write the words with _ between them, or put the key in quotes",
  },
  {
    pattern: /^\s*[\w.-]+\s*=\s*(\{)[^}]*$/ds,
    what: 'a "}" is missing',
    fix: "Close the inline table, or write it as a [section] of its own",
  },
  {
    pattern: /^\s*[\w.-]+\s*=\s*(\[)[^\]]*$/ds,
    what: 'a "]" is missing',
    fix: "Close the list",
  },
];

/** `index` is where the parser stopped, `message` what it said. */
export function diagnose(statement: string, index: number, message: string): Diagnosis {
  for (const slip of slips) {
    const match = statement.length > STATEMENT_LENGTH_MAX ? null : slip.pattern.exec(statement);
    if (match?.indices === undefined) continue;
    const [from, until] = match.indices[1] ?? match.indices[0] ?? [index, index + 1];
    const offset =
      from + (/^\s*/.exec(statement.slice(from, until))?.[0].length ?? 0) * (match[1] === undefined ? 1 : 0);
    const width = widthOf(statement, offset, until);
    return { what: slip.what, fix: slip.fix, ...(slip.why === undefined ? {} : { why: slip.why }), offset, width };
  }
  const what = message.slice(0, 1).toLowerCase() + message.slice(1);
  return { what, offset: index, width: 1, fix: "Compare it with the examples of toml.io" };
}

function widthOf(statement: string, from: number, until: number): number {
  const line = statement.indexOf("\n", from);
  return Math.max(1, Math.min(until, line === -1 ? statement.length : line) - from);
}
