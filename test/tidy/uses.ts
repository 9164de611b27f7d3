/**
 * Which globals a file touches, as dotted names ("Bun.listen", "process.exit", "Date.now"): through member access with a
 * name or a text, `globalThis`, destructuring, and the modules that are the same object ("bun", "node:process").
 * A name that the file declares itself is not the global one.
 */
import ts from "typescript";
import { lineOf, walk } from "./syntax.ts";

export interface Use {
  /** The global and at most one member. */
  readonly name: string;
  readonly line: number;
  readonly typeOnly: boolean;
  /** The whole access, so that a rule can look at what is done with it. */
  readonly node: ts.Node;
}

/** Modules whose default and namespace are a global, and whose named exports are its members. */
const MODULES_OF_GLOBALS: { readonly [module: string]: string } = {
  bun: "Bun",
  process: "process",
  "node:process": "process",
  console: "console",
  "node:console": "console",
};

export function usesOf(ast: ts.SourceFile): Use[] {
  const uses: Use[] = [];
  const names = new Names(ast);
  walk(ast, (node) => {
    if (ts.isImportDeclaration(node)) uses.push(...importedMembers(node));
    else if (ts.isIdentifier(node) && isReference(node)) uses.push(...usesAt(node, names));
  });
  return uses;
}

/** The names that a file binds, where they hold, and which of them are only other names of a global. */
class Names {
  /** Name → the scopes that bind it. */
  readonly #scopes = new Map<string, Set<ts.Node>>();
  readonly #aliases = new Map<string, string>();

  constructor(ast: ts.SourceFile) {
    walk(ast, (node) => {
      if (ts.isImportDeclaration(node)) this.#takeAliases(node);
      const name = boundName(node);
      if (name === undefined) return;
      const scopes = this.#scopes.get(name) ?? new Set();
      this.#scopes.set(name, scopes.add(scopeAround(node)));
    });
  }

  /** The global's name, or undefined when the name is the file's own at this place. */
  globalOf(node: ts.Identifier): string | undefined {
    const alias = this.#aliases.get(node.text);
    if (alias !== undefined) return alias;
    const scopes = this.#scopes.get(node.text);
    for (let at: ts.Node = node; scopes !== undefined && !ts.isSourceFile(at);) {
      at = scopeAround(at);
      if (scopes.has(at)) return undefined;
    }
    return node.text;
  }

  #takeAliases(node: ts.ImportDeclaration): void {
    const global = globalOfModule(node);
    const clause = node.importClause;
    if (global === undefined || clause === undefined) return;
    if (clause.name !== undefined) this.#aliases.set(clause.name.text, global);
    const bindings = clause.namedBindings;
    if (bindings !== undefined && ts.isNamespaceImport(bindings)) this.#aliases.set(bindings.name.text, global);
  }
}

/** The nearest node around this one in which names can be bound; the file itself at last. */
function scopeAround(node: ts.Node): ts.Node {
  let at = node.parent;
  while (!isScope(at)) at = at.parent;
  return at;
}

function isScope(node: ts.Node): boolean {
  return (
    ts.isSourceFile(node) ||
    ts.isFunctionLike(node) ||
    ts.isBlock(node) ||
    ts.isModuleBlock(node) ||
    ts.isCaseBlock(node) ||
    ts.isCatchClause(node) ||
    ts.isIterationStatement(node, false)
  );
}

function boundName(node: ts.Node): string | undefined {
  const binds =
    ts.isVariableDeclaration(node) ||
    ts.isParameter(node) ||
    ts.isBindingElement(node) ||
    ts.isFunctionDeclaration(node) ||
    ts.isClassDeclaration(node) ||
    ts.isImportClause(node) ||
    ts.isImportSpecifier(node) ||
    ts.isNamespaceImport(node);
  return binds && node.name !== undefined && ts.isIdentifier(node.name) ? node.name.text : undefined;
}

/** `import { listen } from "bun"` touches Bun.listen. */
function importedMembers(node: ts.ImportDeclaration): Use[] {
  const global = globalOfModule(node);
  const bindings = node.importClause?.namedBindings;
  if (global === undefined || bindings === undefined || !ts.isNamedImports(bindings)) return [];
  return bindings.elements.map((element) => ({
    name: `${global}.${(element.propertyName ?? element.name).text}`,
    line: lineOf(element),
    typeOnly: element.isTypeOnly || node.importClause?.isTypeOnly === true,
    node: element,
  }));
}

function globalOfModule(node: ts.ImportDeclaration): string | undefined {
  const specifier = ts.isStringLiteral(node.moduleSpecifier) ? node.moduleSpecifier.text : "";
  return Object.hasOwn(MODULES_OF_GLOBALS, specifier) ? MODULES_OF_GLOBALS[specifier] : undefined;
}

function usesAt(node: ts.Identifier, names: Names): Use[] {
  const global = names.globalOf(node);
  if (global === undefined) return [];
  const first = global === "globalThis" ? memberAccess(node) : { name: global, node };
  if (first === undefined) return [use("globalThis", node)];
  const member = memberAccess(first.node);
  if (member !== undefined) return [use(`${first.name}.${member.name}`, member.node)];
  const taken = destructured(first.node);
  if (taken !== undefined) return taken.map((name) => use(`${first.name}.${name}`, first.node));
  return [use(first.name, first.node)];
}

function use(name: string, node: ts.Node): Use {
  return { name, line: lineOf(node), typeOnly: isInType(node), node };
}

/** `x.name`, `x["name"]` or the type `x.name`, when `node` is that x. */
function memberAccess(node: ts.Node): { name: string; node: ts.Node } | undefined {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent) && parent.expression === node)
    return { name: parent.name.text, node: parent };
  if (ts.isQualifiedName(parent) && parent.left === node) return { name: parent.right.text, node: parent };
  if (!ts.isElementAccessExpression(parent) || parent.expression !== node) return undefined;
  const argument = parent.argumentExpression;
  return ts.isStringLiteralLike(argument) ? { name: argument.text, node: parent } : undefined;
}

/** The members that `const { a, b: c } = x` takes, when `node` is that x. */
function destructured(node: ts.Node): string[] | undefined {
  const { parent } = node;
  if (!ts.isVariableDeclaration(parent) || parent.initializer !== node) return undefined;
  if (!ts.isObjectBindingPattern(parent.name)) return undefined;
  return parent.name.elements.map((element) => (element.propertyName ?? element.name).getText());
}

/** Not the name of a declaration, a property, a member, a label, or what an import or export gives a name to. */
function isReference(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isQualifiedName(parent)) return parent.left === node;
  if (ts.isPropertyAssignment(parent)) return parent.initializer === node;
  if (ts.isBindingElement(parent)) return parent.initializer === node;
  if (ts.isShorthandPropertyAssignment(parent)) return parent.name === node;
  if (ts.isExportSpecifier(parent)) return parent.parent.parent.moduleSpecifier === undefined;
  if (ts.isImportSpecifier(parent) || ts.isImportClause(parent) || ts.isNamespaceImport(parent)) return false;
  if (ts.isLabeledStatement(parent) || ts.isBreakOrContinueStatement(parent) || ts.isMetaProperty(parent)) return false;
  if (ts.isNamedTupleMember(parent) || ts.isTypePredicateNode(parent)) return false;
  return !(isNamed(parent) && parent.name === node);
}

function isNamed(node: ts.Node): node is ts.NamedDeclaration {
  return "name" in node;
}

function isInType(node: ts.Node): boolean {
  for (let at: ts.Node | undefined = node; at !== undefined; at = at.parent) {
    if (ts.isExpressionWithTypeArguments(at) && ts.isHeritageClause(at.parent)) return isTypeHeritage(at.parent);
    if (ts.isTypeNode(at)) return true;
    if (ts.isExpression(at) && !ts.isIdentifier(at)) return false;
    if (ts.isStatement(at)) return false;
  }
  return false;
}

/** `implements` and an interface's `extends` are types, a class's `extends` is a value. */
function isTypeHeritage(clause: ts.HeritageClause): boolean {
  return clause.token === ts.SyntaxKind.ImplementsKeyword || ts.isInterfaceDeclaration(clause.parent);
}
