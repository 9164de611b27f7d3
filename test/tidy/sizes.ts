/**
 * Rules "file", "function", "parameters" and "nesting" (style, rule 8). A function that only groups tests is no function in
 * this sense: it may be long, and what is nested in it counts from anew. Nor are the columns of a table of tests parameters.
 */
import ts from "typescript";
import type { Source } from "./source.ts";
import { lineOf, walk } from "./syntax.ts";
import type { Tree } from "./tree.ts";
import type { Violation } from "./violation.ts";

export const FILE_LINES_SOFT = 400;
export const FILE_LINES_MAX = 600;
export const FUNCTION_LINES_MAX = 70;
export const PARAMETERS_MAX = 4;
export const NESTING_MAX = 4;

export function sizes({ sources }: Tree): Violation[] {
  return sources.flatMap((source) => [...fileSize(source), ...functionSizes(source), ...nesting(source)]);
}

/** Files over the soft limit, to be told without failing. */
export function growing({ sources }: Tree): readonly Source[] {
  return sources.filter(({ lines }) => lines > FILE_LINES_SOFT && lines <= FILE_LINES_MAX);
}

function fileSize({ path, lines }: Source): Violation[] {
  return lines <= FILE_LINES_MAX ? [] : [{ rule: "file", path, line: 1, what: `has ${lines} lines` }];
}

function functionSizes({ path, ast }: Source): Violation[] {
  const found: Violation[] = [];
  walk(ast, (node) => {
    if (!isSignature(node)) return;
    found.push(...signatureFaults(node).map((fault) => ({ ...fault, path, line: lineOf(node) })));
  });
  return found;
}

function signatureFaults(node: ts.SignatureDeclaration): Pick<Violation, "rule" | "what">[] {
  const faults: Pick<Violation, "rule" | "what">[] = [];
  const parameters = node.parameters.filter((parameter) => parameter.name.getText() !== "this").length;
  if (parameters > PARAMETERS_MAX && !takesRow(node)) {
    faults.push({ rule: "parameters", what: `${nameOf(node)} takes ${parameters} parameters` });
  }
  const lines = lineSpan(node);
  if (isFunction(node) && lines > FUNCTION_LINES_MAX && !groupsTests(node)) {
    faults.push({ rule: "function", what: `${nameOf(node)} has ${lines} lines` });
  }
  return faults;
}

/** Without the comment above it. */
function lineSpan(node: ts.Node): number {
  const ast = node.getSourceFile();
  return ast.getLineAndCharacterOfPosition(node.getEnd()).line + 2 - lineOf(node);
}

function nesting({ path, ast }: Source): Violation[] {
  const found: Violation[] = [];
  const visit = (node: ts.Node, depth: number): void => {
    const inner = depthIn(node, depth);
    if (inner === NESTING_MAX + 1 && inner > depth) {
      found.push({ rule: "nesting", path, line: lineOf(node), what: `is ${inner} deep` });
    }
    ts.forEachChild(node, (child) => visit(child, inner));
  };
  // The outermost function is depth 0, so code outside of any starts a step before it.
  visit(ast, -1);
  return found;
}

/** How deep the insides of `node` are, when it is itself at `depth`; -1 is outside of any function. */
function depthIn(node: ts.Node, depth: number): number {
  if (ts.isClassLike(node) || (isFunction(node) && groupsTests(node))) return -1;
  if (isFunction(node)) return node.body !== undefined && ts.isBlock(node.body) ? depth + 1 : Math.max(depth, 0);
  if (!isControl(node) || isElseIf(node)) return depth;
  return Math.max(depth, 0) + 1;
}

type FunctionNode = ts.FunctionLikeDeclaration;

function isFunction(node: ts.Node): node is FunctionNode {
  return (
    ts.isFunctionDeclaration(node) ||
    ts.isFunctionExpression(node) ||
    ts.isArrowFunction(node) ||
    ts.isMethodDeclaration(node) ||
    ts.isConstructorDeclaration(node) ||
    ts.isAccessor(node)
  );
}

function isSignature(node: ts.Node): node is ts.SignatureDeclaration {
  return (
    isFunction(node) || ts.isMethodSignature(node) || ts.isFunctionTypeNode(node) || ts.isCallSignatureDeclaration(node)
  );
}

function isControl(node: ts.Node): boolean {
  return (
    ts.isIfStatement(node) ||
    ts.isIterationStatement(node, false) ||
    ts.isSwitchStatement(node) ||
    ts.isTryStatement(node)
  );
}

function isElseIf(node: ts.Node): boolean {
  return ts.isIfStatement(node.parent) && node.parent.elseStatement === node;
}

const TEST_CALL = /^(?:describe|test|it)\b/;

/** What is handed to `describe`, and a function that says `test(…)` or `describe(…)` itself, as a suite of many runs does. */
function groupsTests(node: FunctionNode): boolean {
  if (!node.getSourceFile().fileName.startsWith("test/")) return false;
  if (ts.isCallExpression(node.parent) && /^describe\b/.test(node.parent.expression.getText())) return true;
  const statements = node.body !== undefined && ts.isBlock(node.body) ? node.body.statements : [];
  return statements.some((one) => ts.isExpressionStatement(one) && isTestCall(one.expression));
}

function isTestCall(node: ts.Node): boolean {
  return ts.isCallExpression(node) && TEST_CALL.test(node.expression.getText());
}

/** The last argument of `test.each(rows)("…", …)`: it takes what a row has. */
function takesRow({ parent }: ts.Node): boolean {
  return isTestCall(parent) && ts.isCallExpression((parent as ts.CallExpression).expression);
}

function nameOf(node: ts.SignatureDeclaration): string {
  if (ts.isConstructorDeclaration(node)) return "constructor";
  if (node.name !== undefined) return node.name.getText();
  const { parent } = node;
  const named =
    ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent) || ts.isTypeAliasDeclaration(parent);
  return named ? parent.name.getText() : "a function";
}
