/**
 * One source file as the rules see it: its text, its syntax tree, what it imports in any of the ways there are, and which
 * globals it touches. No types are resolved, so a file is judged by itself; what hides behind an alias of an alias is not
 * seen.
 */
import ts from "typescript";
import { lineOf, walk } from "./syntax.ts";
import { usesOf, type Use } from "./uses.ts";

export interface Source {
  /** From the root of the tree, with "/". */
  readonly path: string;
  readonly text: string;
  readonly lines: number;
  readonly ast: ts.SourceFile;
  readonly imports: readonly Import[];
  readonly uses: readonly Use[];
}

export interface Import {
  /** Undefined when it is computed. */
  readonly specifier: string | undefined;
  readonly line: number;
  /** Nothing of it is left when types are erased. */
  readonly typeOnly: boolean;
  /** Only named, as a file's address: for a worker thread, a child process, or to be read. */
  readonly addressOnly: boolean;
}

export function parse(path: string, text: string): Source {
  const ast = ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true);
  const lines = text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
  return { path, text, lines, ast, imports: importsOf(ast), uses: usesOf(ast) };
}

function importsOf(ast: ts.SourceFile): Import[] {
  const imports: Import[] = [];
  walk(ast, (node) => {
    const found = importOf(node);
    if (found !== undefined) imports.push({ ...found, line: lineOf(node) });
  });
  return imports;
}

function importOf(node: ts.Node): Omit<Import, "line"> | undefined {
  if (ts.isImportDeclaration(node)) return found(node.moduleSpecifier, { typeOnly: isTypeClause(node.importClause) });
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
    return found(node.moduleSpecifier, { typeOnly: isTypeExport(node) });
  }
  if (ts.isImportEqualsDeclaration(node) && ts.isExternalModuleReference(node.moduleReference)) {
    return found(node.moduleReference.expression, { typeOnly: node.isTypeOnly });
  }
  if (ts.isImportTypeNode(node)) {
    return found(ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined, { typeOnly: true });
  }
  if (ts.isCallExpression(node) && isLoader(node.expression)) return found(node.arguments[0]);
  if (ts.isCallExpression(node) && isResolver(node.expression)) return found(node.arguments[0], { addressOnly: true });
  if (ts.isNewExpression(node) && isModuleUrl(node)) return found(node.arguments?.[0], { addressOnly: true });
  return undefined;
}

function found(
  specifier: ts.Node | undefined,
  { typeOnly = false, addressOnly = false }: Partial<Pick<Import, "typeOnly" | "addressOnly">> = {},
): Omit<Import, "line"> {
  const text = specifier !== undefined && ts.isStringLiteralLike(specifier) ? specifier.text : undefined;
  return { specifier: text, typeOnly, addressOnly };
}

/** `import type …`, or nothing but types in braces. */
function isTypeClause(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined || clause.isTypeOnly) return clause !== undefined;
  const bindings = clause.namedBindings;
  if (clause.name !== undefined || bindings === undefined || ts.isNamespaceImport(bindings)) return false;
  return bindings.elements.length > 0 && bindings.elements.every((element) => element.isTypeOnly);
}

function isTypeExport({ isTypeOnly, exportClause }: ts.ExportDeclaration): boolean {
  if (isTypeOnly || exportClause === undefined || ts.isNamespaceExport(exportClause)) return isTypeOnly;
  return exportClause.elements.length > 0 && exportClause.elements.every((element) => element.isTypeOnly);
}

/** import(…), require(…) and import.meta.require(…). */
function isLoader(callee: ts.Expression): boolean {
  if (callee.kind === ts.SyntaxKind.ImportKeyword) return true;
  return ["require", "import.meta.require"].includes(callee.getText());
}

function isResolver(callee: ts.Expression): boolean {
  return ["require.resolve", "import.meta.resolve"].includes(callee.getText());
}

/** new URL("./x.ts", import.meta.url) */
function isModuleUrl(node: ts.NewExpression): boolean {
  return node.expression.getText() === "URL" && node.arguments?.[1]?.getText() === "import.meta.url";
}
