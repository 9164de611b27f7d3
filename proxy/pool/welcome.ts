/**
 * The parameters that a client hears of when it is let in: the server's own, with what the client asked for at its start in
 * their place, because that is what its first statement will find.
 */

/** Names of one encoding: what clients write, as the server says it. */
const UTF8_NAMES = new Set(["utf8", "utf-8", "unicode"]);

/** `settings`: by lower-case name, as `startupSettings` reads them. */
export function welcomeParameters(
  server: ReadonlyMap<string, string>,
  settings: ReadonlyMap<string, string>,
): readonly (readonly [string, string])[] {
  return [...server].map(([name, value]) => {
    const wanted = settings.get(name.toLowerCase());
    return [name, wanted === undefined ? value : spell(name, wanted)] as const;
  });
}

/** What drivers look at first, and nothing of a server's session. */
export function consoleParameters(version: string): readonly (readonly [string, string])[] {
  return [
    ["server_version", `1.25.0/scale ${version}`],
    ["client_encoding", "UTF8"],
    ["server_encoding", "UTF8"],
    ["DateStyle", "ISO"],
    ["TimeZone", "GMT"],
    ["standard_conforming_strings", "on"],
    ["integer_datetimes", "on"],
    ["is_superuser", "on"],
  ];
}

/** Some drivers look whether the encoding is UTF8, and have asked for it under another of its names. */
function spell(name: string, value: string): string {
  if (name !== "client_encoding") return value;
  const plain = value.replace(/^'(.*)'$/, "$1");
  return UTF8_NAMES.has(plain.toLowerCase()) ? "UTF8" : plain;
}
