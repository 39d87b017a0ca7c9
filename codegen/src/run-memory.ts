/**
 * What one run hands to the next in the same process, besides parsed files: expensive answers of
 * the type checker, each with the sources that it depends on. A checker lives for one program only,
 * and would compute them again after every edit.
 *
 * I1  An answer is reused only if its node and every source behind it are the same objects as in
 *     the run that computed it, and nothing else that affects module resolution has changed:
 *     options, files of other packages, the set of own files.
 */
import type ts from 'typescript-api'
import type { SourceReader } from './source-reader.js'

interface Answer {
  readonly epoch: number
  readonly sources: readonly ts.SourceFile[]
  readonly value: unknown
}

export class RunMemory {
  #answers = new WeakMap<ts.Node, Answer>()
  #surroundings: readonly unknown[] = []
  #epoch = 0

  /** Starts a run. */
  enter(reader: SourceReader): void {
    const { program, sources } = reader
    const others = program.getSourceFiles().filter((file) => !reader.isOwn(file.fileName))
    const now = [JSON.stringify(program.getCompilerOptions()), ...sources.map((file) => file.fileName), ...others]
    const isSame = now.length === this.#surroundings.length && now.every((part, i) => part === this.#surroundings[i])
    // A source with global declarations is behind every answer.
    if (!isSame || sources.some((source) => declaresForAll(reader, source))) this.#epoch++
    this.#surroundings = now
  }

  /**
   * @param node the subject; one answer per node
   * @param isKept whether the answer depends only on the sources behind the node, and nothing was
   * reported along with it
   */
  answer<T>(reader: SourceReader, node: ts.Node, compute: () => T, isKept: (value: T) => boolean = () => true): T {
    const known = this.#answers.get(node)
    const isCurrent = (source: ts.SourceFile): boolean => reader.program.getSourceFile(source.fileName) === source
    if (known !== undefined && known.epoch === this.#epoch && known.sources.every(isCurrent)) return known.value as T // stored for the same node, so of the same question
    const value = compute()
    const sources = isKept(value) ? sourcesBehind(reader, node) : undefined
    if (sources !== undefined) this.#answers.set(node, { epoch: this.#epoch, sources: [...sources], value })
    return value
  }
}

/** A script without imports and exports, `declare global` or `declare module 'x'`. */
function declaresForAll({ ts }: SourceReader, source: ts.SourceFile): boolean {
  const isForAll = (statement: ts.Statement): boolean =>
    ts.isModuleDeclaration(statement) && (ts.isStringLiteral(statement.name) || (statement.flags & ts.NodeFlags.GlobalAugmentation) !== 0)
  return !ts.isExternalModule(source) || source.statements.some(isForAll)
}

/**
 * The package's own sources that the meaning of a node may depend on: the declarations of what it
 * names, and of what those name.
 * @returns `undefined` if they cannot be determined
 */
function sourcesBehind(reader: SourceReader, from: ts.Node): ReadonlySet<ts.SourceFile> | undefined {
  const { ts, checker } = reader
  const sources = new Set<ts.SourceFile>([from.getSourceFile()])
  const seen = new Set<ts.Node>()
  const open: ts.Node[] = [from]
  let isKnown = true

  /** A module's `export *` is resolved through it, and leaves no other trace. */
  const addModule = (specifier: ts.Node | undefined): void => {
    const source = specifier === undefined ? undefined : checker.getSymbolAtLocation(specifier)?.valueDeclaration
    if (source === undefined || !ts.isSourceFile(source) || !reader.isOwn(source.fileName) || sources.has(source)) return
    sources.add(source)
    for (const statement of source.statements) if (ts.isExportDeclaration(statement)) addModule(statement.moduleSpecifier)
  }
  const addSymbol = (given: ts.Symbol | undefined): void => {
    if (given === undefined) return
    for (const declaration of given.declarations ?? []) {
      const source = declaration.getSourceFile()
      if (!reader.isOwn(source.fileName)) continue
      sources.add(source)
      const link = ts.findAncestor(declaration, (node) => ts.isImportDeclaration(node) || ts.isExportDeclaration(node))
      if (link !== undefined && (ts.isImportDeclaration(link) || ts.isExportDeclaration(link))) addModule(link.moduleSpecifier)
      else open.push(declaration)
    }
    if (given.flags & ts.SymbolFlags.Alias) addSymbol(reader.resolve(given))
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportTypeNode(node) || (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)) isKnown = false
    if (ts.isIdentifier(node) && !isNameOfMember(ts, node)) {
      const symbol = ts.isShorthandPropertyAssignment(node.parent)
        ? checker.getShorthandAssignmentValueSymbol(node.parent)
        : checker.getSymbolAtLocation(node)
      addSymbol(symbol)
    }
    ts.forEachChild(node, visit)
  }
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (seen.has(node)) continue
    seen.add(node)
    visit(node)
    if (!isKnown) return undefined
  }
  return sources
}

/**
 * The name in `a.name`, `{ name: a }` or of a member: it is declared where its object is, which is
 * named as well.
 */
function isNameOfMember(api: typeof ts, node: ts.Identifier): boolean {
  const { parent } = node
  if (api.isPropertyAccessExpression(parent)) return parent.name === node
  if (api.isQualifiedName(parent)) return parent.right === node
  return (
    (api.isPropertyAssignment(parent) || api.isClassElement(parent) || api.isTypeElement(parent) || api.isEnumMember(parent)) &&
    parent.name === node
  )
}
