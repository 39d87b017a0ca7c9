import { relative, sep } from 'node:path'
import type ts from 'typescript-api'
import { CATALOGUE, type Diagnostic, type DiagnosticCode } from './diagnostics.js'
import type { Exported } from './model.js'

const SDK = '@weaver/sdk'

/**
 * The sources of a package, and the questions that every rule has: which calls are the SDK's, where
 * a name is declared. A call is recognised by the declaration it resolves to, not by its spelling.
 * Collects the diagnostics.
 */
export class SourceReader {
  readonly ts: typeof ts
  readonly program: ts.Program
  readonly checker: ts.TypeChecker
  readonly projectDir: string
  /** The package's own files, sorted, without tests and the generated file. */
  readonly sources: readonly ts.SourceFile[]
  readonly #diagnostics: Diagnostic[] = []
  readonly #sdk = new Map<ts.Symbol, string>()

  constructor(api: typeof ts, program: ts.Program, options: { readonly projectDir: string; readonly outFile: string }) {
    this.ts = api
    this.program = program
    this.checker = program.getTypeChecker()
    this.projectDir = options.projectDir
    this.sources = program
      .getSourceFiles()
      .filter(
        (file) =>
          !file.isDeclarationFile &&
          file.fileName !== options.outFile &&
          this.isOwn(file.fileName) &&
          !/\.test\.[cm]?tsx?$/.test(file.fileName),
      )
      .sort((a, b) => (a.fileName < b.fileName ? -1 : 1))
    for (const source of this.sources) {
      for (const { messageText, start } of program.getSyntacticDiagnostics(source))
        this.reportAt('WVG050', api.flattenDiagnosticMessageText(messageText, ' '), { source, position: start })
      this.#learnSdk(source)
    }
  }

  /** Sorted by place. */
  get diagnostics(): readonly Diagnostic[] {
    return this.#diagnostics.sort((a, b) => (place(a) < place(b) ? -1 : 1))
  }

  isOwn(file: string): boolean {
    return file.startsWith(`${this.projectDir}/`) && !file.slice(this.projectDir.length).includes('/node_modules/')
  }

  report(code: DiagnosticCode, message: string, node?: ts.Node): void {
    this.reportAt(code, message, node === undefined ? undefined : { source: node.getSourceFile(), position: node.getStart() })
  }

  reportAt(code: DiagnosticCode, message: string, place?: { readonly source: ts.SourceFile; readonly position: number }): void {
    const source = place?.source
    const at = place?.source.getLineAndCharacterOfPosition(place.position)
    this.#diagnostics.push({
      code,
      message,
      hint: CATALOGUE[code].hint,
      ...(source === undefined || at === undefined
        ? {}
        : { file: this.relative(source.fileName), line: at.line + 1, column: at.character + 1 }),
    })
  }

  relative(file: string): string {
    return relative(this.projectDir, file).split(sep).join('/')
  }

  /** Follows imports to the declaration. */
  resolve(symbol: ts.Symbol): ts.Symbol {
    return symbol.flags & this.ts.SymbolFlags.Alias ? this.checker.getAliasedSymbol(symbol) : symbol
  }

  symbolOf(node: ts.Node | undefined): ts.Symbol | undefined {
    const symbol = node === undefined ? undefined : this.checker.getSymbolAtLocation(node)
    return symbol === undefined ? undefined : this.resolve(symbol)
  }

  /** The name of the SDK function that a call invokes. */
  calleeName({ expression }: ts.CallExpression): string | undefined {
    // Resolving any other callee would make the compiler infer types, for each call of the package.
    const name = this.ts.isIdentifier(expression) ? expression : this.#memberOfModule(expression)
    const symbol = this.symbolOf(name)
    return symbol === undefined ? undefined : this.#sdk.get(symbol)
  }

  /** `component` of `sdk.component`, after `import * as sdk`. */
  #memberOfModule(callee: ts.Expression): ts.MemberName | undefined {
    if (!this.ts.isPropertyAccessExpression(callee) || !this.ts.isIdentifier(callee.expression)) return undefined
    const from = this.symbolOf(callee.expression)
    return from !== undefined && from.flags & this.ts.SymbolFlags.Module ? callee.name : undefined
  }

  /** All calls of SDK functions by name, in source order. */
  sdkCalls(): ReadonlyMap<string, readonly ts.CallExpression[]> {
    const calls = new Map<string, ts.CallExpression[]>()
    const visit = (node: ts.Node): void => {
      if (this.ts.isCallExpression(node)) {
        const name = this.calleeName(node)
        if (name !== undefined) calls.set(name, [...(calls.get(name) ?? []), node])
      }
      this.ts.forEachChild(node, visit)
    }
    for (const source of this.sources) visit(source)
    return calls
  }

  /** The top-level const initialised by this call, under its exported name. */
  exportedConst(call: ts.CallExpression): { readonly exported: Exported; readonly symbol: ts.Symbol } | undefined {
    const declaration = call.parent
    if (!this.ts.isVariableDeclaration(declaration) || declaration.initializer !== call || !this.ts.isIdentifier(declaration.name))
      return undefined
    const statement = declaration.parent.parent
    const symbol = this.symbolOf(declaration.name)
    if (symbol === undefined || !this.ts.isVariableStatement(statement) || !this.ts.isSourceFile(statement.parent)) return undefined
    const isInPlace = statement.modifiers?.some((m) => m.kind === this.ts.SyntaxKind.ExportKeyword) === true
    const name = isInPlace ? declaration.name.text : this.#exportedAs(symbol, statement.parent)
    return name === undefined ? undefined : { exported: { file: statement.parent.fileName, name }, symbol }
  }

  /** Exported by a list elsewhere in the module: `export { Cart, impl as cartImpl }`. */
  #exportedAs(symbol: ts.Symbol, source: ts.SourceFile): string | undefined {
    const module = this.checker.getSymbolAtLocation(source)
    const all = module === undefined ? [] : this.checker.getExportsOfModule(module)
    return all.find((exported) => exported.name !== 'default' && this.resolve(exported) === symbol)?.name
  }

  classOf(node: ts.Expression | undefined): ts.ClassLikeDeclaration | undefined {
    if (node !== undefined && this.ts.isClassExpression(node)) return node
    const declaration = this.symbolOf(node)?.valueDeclaration
    if (declaration === undefined) return undefined
    if (this.ts.isClassLike(declaration)) return declaration
    return this.ts.isVariableDeclaration(declaration) &&
      declaration.initializer !== undefined &&
      this.ts.isClassExpression(declaration.initializer)
      ? declaration.initializer
      : undefined
  }

  /** The base class, if it is TypeScript source that the compiler sees. */
  baseOf(declaration: ts.ClassLikeDeclaration): ts.ClassLikeDeclaration | undefined {
    const clause = declaration.heritageClauses?.find((c) => c.token === this.ts.SyntaxKind.ExtendsKeyword)
    return this.classOf(clause?.types[0]?.expression)
  }

  /** Records which symbols are SDK functions, by the imports of a file. */
  #learnSdk(source: ts.SourceFile): void {
    for (const statement of source.statements) {
      if (
        !this.ts.isImportDeclaration(statement) ||
        !this.ts.isStringLiteral(statement.moduleSpecifier) ||
        statement.moduleSpecifier.text !== SDK
      )
        continue
      const module = this.checker.getSymbolAtLocation(statement.moduleSpecifier)
      if (module === undefined) {
        this.report('WVG052', `"${SDK}" cannot be found`, statement.moduleSpecifier)
        continue
      }
      for (const exported of this.checker.getExportsOfModule(module)) this.#sdk.set(this.resolve(exported), exported.name)
    }
  }
}

function place({ file = '', line = 0, column = 0 }: Diagnostic): string {
  return `${file}:${String(line).padStart(8, '0')}:${String(column).padStart(8, '0')}`
}
