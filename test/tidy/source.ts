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
  /** What is taken: exported names, "*" for all, "default". */
  readonly names: readonly string[];
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
  if (ts.isImportDeclaration(node)) {
    return { specifier: literal(node.moduleSpecifier), ...ofClause(node.importClause) };
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
    return { specifier: literal(node.moduleSpecifier), ...ofExport(node) };
  }
  if (ts.isImportEqualsDeclaration(node) && ts.isExternalModuleReference(node.moduleReference)) {
    return { specifier: literal(node.moduleReference.expression), typeOnly: node.isTypeOnly, names: ["*"] };
  }
  if (ts.isImportTypeNode(node)) {
    const specifier = ts.isLiteralTypeNode(node.argument) ? literal(node.argument.literal) : undefined;
    return { specifier, typeOnly: true, names: ["*"] };
  }
  if (ts.isCallExpression(node) && isLoader(node.expression)) {
    return { specifier: literal(node.arguments[0]), typeOnly: false, names: ["*"] };
  }
  if (ts.isNewExpression(node) && isModuleUrl(node)) {
    return { specifier: literal(node.arguments?.[0]), typeOnly: false, names: ["*"] };
  }
  return undefined;
}

function ofClause(clause: ts.ImportClause | undefined): Pick<Import, "typeOnly" | "names"> {
  if (clause === undefined) return { typeOnly: false, names: [] };
  const names = clause.name === undefined ? [] : ["default"];
  const bindings = clause.namedBindings;
  if (bindings === undefined) return { typeOnly: clause.isTypeOnly, names };
  if (ts.isNamespaceImport(bindings)) return { typeOnly: clause.isTypeOnly, names: [...names, "*"] };
  names.push(...bindings.elements.map((element) => (element.propertyName ?? element.name).text));
  const onlyTypes = clause.name === undefined && bindings.elements.every((element) => element.isTypeOnly);
  return { typeOnly: clause.isTypeOnly || (onlyTypes && bindings.elements.length > 0), names };
}

function ofExport(node: ts.ExportDeclaration): Pick<Import, "typeOnly" | "names"> {
  const clause = node.exportClause;
  if (clause === undefined || ts.isNamespaceExport(clause)) return { typeOnly: node.isTypeOnly, names: ["*"] };
  const onlyTypes = clause.elements.length > 0 && clause.elements.every((element) => element.isTypeOnly);
  const names = clause.elements.map((element) => (element.propertyName ?? element.name).text);
  return { typeOnly: node.isTypeOnly || onlyTypes, names };
}

/** import(…), require(…), require.resolve(…), import.meta.require(…) and import.meta.resolve(…). */
function isLoader(callee: ts.Expression): boolean {
  if (callee.kind === ts.SyntaxKind.ImportKeyword) return true;
  return ["require", "require.resolve", "import.meta.require", "import.meta.resolve"].includes(callee.getText());
}

/** new URL("./x.ts", import.meta.url), the way to a worker thread or a file. */
function isModuleUrl(node: ts.NewExpression): boolean {
  return node.expression.getText() === "URL" && node.arguments?.[1]?.getText() === "import.meta.url";
}

function literal(node: ts.Node | undefined): string | undefined {
  return node !== undefined && ts.isStringLiteralLike(node) ? node.text : undefined;
}
