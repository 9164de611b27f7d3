/** Rule "forms" (style, rules 22 and 28): what the language has and this house does not use. */
import ts from "typescript";
import { isHouse } from "./rooms.ts";
import type { Source } from "./source.ts";
import { lineOf, walk } from "./syntax.ts";
import type { Tree } from "./tree.ts";
import type { Violation } from "./violation.ts";

const SILENCERS = /@ts-(?:ignore|nocheck)\b/;

export function forms({ sources }: Tree): Violation[] {
  return sources.filter(({ path }) => isHouse(path)).flatMap((source) => [...inTree(source), ...inComments(source)]);
}

function inTree({ path, ast }: Source): Violation[] {
  const found: Violation[] = [];
  walk(ast, (node) => {
    const what = formFault(node);
    if (what !== undefined) found.push({ rule: "forms", path, line: lineOf(node), what });
  });
  return found;
}

function formFault(node: ts.Node): string | undefined {
  if (node.kind === ts.SyntaxKind.AnyKeyword) return "says any";
  if (ts.isEnumDeclaration(node)) return `declares enum ${node.name.text}: use an as const table`;
  if (isNamespace(node)) return "declares a namespace";
  if (ts.isCatchClause(node) && node.block.statements.length === 0) return "catches and does nothing";
  if (isDeafCatch(node)) return "catches and does nothing";
  return undefined;
}

/** `declare module "scale"` and `declare global` describe what is there; they are no namespaces of ours. */
function isNamespace(node: ts.Node): boolean {
  return (
    ts.isModuleDeclaration(node) && ts.isIdentifier(node.name) && (node.flags & ts.NodeFlags.GlobalAugmentation) === 0
  );
}

/** `.catch(() => {})` */
function isDeafCatch(node: ts.Node): boolean {
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return false;
  const [handler] = node.arguments;
  if (node.expression.name.text !== "catch" || handler === undefined) return false;
  if (!ts.isArrowFunction(handler) && !ts.isFunctionExpression(handler)) return false;
  return ts.isBlock(handler.body) && handler.body.statements.length === 0;
}

/** Looked for in comments only, so that a rule may name them. */
function inComments({ path, text, ast }: Source): Violation[] {
  const found: Violation[] = [];
  const seen = new Set<number>();
  walk(ast, (node) => {
    for (const { pos, end } of ts.getLeadingCommentRanges(text, node.getFullStart()) ?? []) {
      if (seen.has(pos) || !SILENCERS.test(text.slice(pos, end))) continue;
      seen.add(pos);
      const line = ast.getLineAndCharacterOfPosition(pos).line + 1;
      found.push({ rule: "forms", path, line, what: "silences the type checker" });
    }
  });
  return found;
}
