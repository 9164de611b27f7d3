/**
 * What must hold if our own code is right. A broken assertion is a Bug: it ends the one conversation that met it, and is
 * counted. It is not for what a peer or a person got wrong: those end in a `Fault` or a `Problem`.
 * Invariant: `what` is a constant or cheap to build, because it is built whether or not the condition holds.
 */
export class Bug extends Error {
  constructor(what: string) {
    super(what);
    this.name = "Bug";
  }
}

export function assert(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Bug(what);
}

/** Ends a switch over a closed set: a new member of the set does not compile until it has its case. */
export function unreachable(member: never): never {
  throw new Bug(`Cannot go on: ${JSON.stringify(member)} is outside its closed set`);
}
