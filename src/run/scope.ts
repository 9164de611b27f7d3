/** How a steward and its keeper name what belongs to one crew: `lb/targets`. What names no crew is about the box. */

export function scoped(crew: string, name: string): string {
  return `${crew}/${name}`;
}

export function unscoped(text: string): { readonly crew: string; readonly name: string } {
  const slash = text.indexOf("/");
  return { crew: text.slice(0, Math.max(0, slash)), name: text.slice(slash + 1) };
}

/** What the box's own steward says and hears, rather than that of a crew. */
export const BOX_SCOPE = scoped("", "");

/** How a steward names what it asks of the keeper itself. */
export const KEEPER_SCOPE = scoped("", "keeper ");

/** The topics of one crew, for a worker of it. */
export function topicsOf(pushed: ReadonlyMap<string, unknown>, crew: string): Map<string, unknown> {
  const topics = new Map<string, unknown>();
  for (const [text, state] of pushed) {
    const topic = unscoped(text);
    if (topic.crew === crew) topics.set(topic.name, state);
  }
  return topics;
}
