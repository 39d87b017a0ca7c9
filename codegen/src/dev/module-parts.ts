/**
 * One module as the parts that can change on their own: its top-level statements. It is read from
 * the emitted JavaScript, in which a change of types alone does not show. Pure.
 */
import { createRequire } from 'node:module'
import type ts from 'typescript-api'

const api = createRequire(import.meta.url)('typescript-api') as typeof ts // the package's types describe its CommonJS module

/** A name of another module; `*`: all of it. */
export interface Binding {
  /** As resolved: the path of a source of the package, or the specifier of anything else. */
  readonly module: string
  readonly name: string
}

export interface Part {
  /** Without comments and layout. Parts with equal texts do the same. */
  readonly text: string
  /** Every name in it, whatever it means there: too many rather than too few. */
  readonly uses: ReadonlySet<string>
  /** Modules that it loads by `import()`. */
  readonly loads: readonly string[]
}

export interface ModuleParts {
  /** By the name that they declare at the top level. */
  readonly names: ReadonlyMap<string, Part>
  /** Statements that declare nothing: what they do, they do in every process that loads the module. */
  readonly effects: readonly Part[]
  readonly imports: ReadonlyMap<string, Binding>
  /** A text is a name of this module. */
  readonly exports: ReadonlyMap<string, Binding | string>
  /** Of `export * from`. */
  readonly stars: readonly string[]
  /** Every module that is evaluated with this one. */
  readonly loads: readonly string[]
  /** The name of the class in `run(App, …)`, which `effects` do not use. */
  readonly main: string | undefined
  /** Local names of the pairs in `bind({ token, implementation, … })`, in a generated file. */
  readonly bound: readonly { readonly token: string; readonly implementation: string }[]
}

/** @param resolve makes a path of a specifier, as in {@link Binding.module} */
export function readParts(text: string, resolve: (specifier: string) => string): ModuleParts {
  const source = api.createSourceFile('module.js', text, api.ScriptTarget.ESNext, true, api.ScriptKind.JS)
  const reader = new PartsReader(source, resolve)
  for (const statement of source.statements) reader.read(statement)
  return reader.parts()
}

/** A module that is not read as statements, JSON say: it changes as a whole. */
export function wholeModule(text: string): ModuleParts {
  const part: Part = { text, uses: new Set(), loads: [] }
  return {
    names: new Map([['default', part]]),
    effects: [],
    imports: new Map(),
    exports: new Map([['default', 'default']]),
    stars: [],
    loads: [],
    main: undefined,
    bound: [],
  }
}

interface OpenPart {
  text: string
  readonly uses: Set<string>
  readonly loads: string[]
}

class PartsReader {
  readonly #names = new Map<string, OpenPart>()
  readonly #effects: OpenPart[] = []
  readonly #imports = new Map<string, Binding>()
  readonly #exports = new Map<string, Binding | string>()
  readonly #stars: string[] = []
  readonly #loads: string[] = []
  readonly #bound: { readonly token: string; readonly implementation: string }[] = []
  readonly #printer = api.createPrinter({ removeComments: true, omitTrailingSemicolon: true })
  #main: string | undefined

  constructor(
    readonly source: ts.SourceFile,
    readonly resolve: (specifier: string) => string,
  ) {}

  parts(): ModuleParts {
    return {
      names: this.#names,
      effects: this.#effects,
      imports: this.#imports,
      exports: this.#exports,
      stars: this.#stars,
      loads: this.#loads,
      main: this.#main,
      bound: this.#bound,
    }
  }

  read(statement: ts.Statement): void {
    if (api.isImportDeclaration(statement)) return this.#readImport(statement)
    if (api.isExportDeclaration(statement)) return this.#readExport(statement)
    if (api.isExportAssignment(statement)) {
      this.#exports.set('default', 'default')
      return this.#add(['default'], statement)
    }
    if (api.isVariableStatement(statement)) {
      const names = statement.declarationList.declarations.flatMap(({ name }) => namesIn(name))
      if (isExported(statement)) for (const name of names) this.#exports.set(name, name)
      return this.#add(names, statement)
    }
    if (api.isFunctionDeclaration(statement) || api.isClassDeclaration(statement)) {
      const isDefault = api.getCombinedModifierFlags(statement) & api.ModifierFlags.Default
      const name = statement.name?.text ?? 'default'
      if (isExported(statement)) this.#exports.set(isDefault ? 'default' : name, name)
      return this.#add([name], statement)
    }
    const completed = this.#completedBy(statement)
    if (completed !== undefined) return this.#add([completed], statement)
    const part = this.#open(statement)
    if (part.text !== '') this.#effects.push(part)
  }

  #readImport({ importClause, moduleSpecifier }: ts.ImportDeclaration): void {
    const module = this.#load(moduleSpecifier)
    if (importClause?.name !== undefined) this.#imports.set(importClause.name.text, { module, name: 'default' })
    const bindings = importClause?.namedBindings
    if (bindings === undefined) return
    if (api.isNamespaceImport(bindings)) this.#imports.set(bindings.name.text, { module, name: '*' })
    else for (const { name, propertyName } of bindings.elements) this.#imports.set(name.text, { module, name: (propertyName ?? name).text })
  }

  #readExport({ exportClause, moduleSpecifier }: ts.ExportDeclaration): void {
    const module = moduleSpecifier === undefined ? undefined : this.#load(moduleSpecifier)
    if (exportClause === undefined) this.#stars.push(module ?? '')
    else if (api.isNamespaceExport(exportClause)) this.#exports.set(exportClause.name.text, { module: module ?? '', name: '*' })
    else
      for (const { name, propertyName } of exportClause.elements) {
        const from = (propertyName ?? name).text
        this.#exports.set(name.text, module === undefined ? from : { module, name: from })
      }
  }

  #load(specifier: ts.Expression): string {
    const module = this.resolve((specifier as ts.StringLiteral).text) // the grammar allows nothing else
    this.#loads.push(module)
    return module
  }

  /**
   * The name that a statement goes on with: TypeScript makes `(function (E) { … })(E || (E = {}))`
   * of an enum, and `A.x = …` of a static field.
   */
  #completedBy(statement: ts.Statement): string | undefined {
    if (!api.isExpressionStatement(statement)) return undefined
    const { expression } = statement
    const own = (node: ts.Node | undefined): string | undefined =>
      node !== undefined && api.isIdentifier(node) && this.#names.has(node.text) ? node.text : undefined
    if (api.isCallExpression(expression)) {
      const [argument] = expression.arguments
      const isEnum = api.isParenthesizedExpression(expression.expression) && api.isFunctionExpression(expression.expression.expression)
      return isEnum && argument !== undefined && api.isBinaryExpression(argument) ? own(argument.left) : undefined
    }
    if (!api.isBinaryExpression(expression) || expression.operatorToken.kind !== api.SyntaxKind.EqualsToken) return undefined
    return api.isPropertyAccessExpression(expression.left) ? own(expression.left.expression) : undefined
  }

  #add(names: readonly string[], statement: ts.Statement): void {
    const part = this.#open(statement)
    for (const name of names) {
      const known = this.#names.get(name)
      if (known === undefined) this.#names.set(name, part)
      else {
        known.text += `\n${part.text}`
        for (const use of part.uses) known.uses.add(use)
        known.loads.push(...part.loads)
      }
    }
  }

  #open(statement: ts.Statement): OpenPart {
    const part: OpenPart = { text: this.#printer.printNode(api.EmitHint.Unspecified, statement, this.source), uses: new Set(), loads: [] }
    const visit = (node: ts.Node): void => {
      if (api.isIdentifier(node)) {
        if (!isMemberName(node)) part.uses.add(node.text)
        return
      }
      if (api.isCallExpression(node)) {
        const [first] = node.arguments
        if (node.expression.kind === api.SyntaxKind.ImportKeyword && first !== undefined && api.isStringLiteral(first))
          part.loads.push(this.resolve(first.text))
        if (this.#callsRun(node) && first !== undefined && api.isIdentifier(first)) {
          this.#main = first.text
          visit(node.expression)
          return node.arguments.slice(1).forEach(visit)
        }
        this.#readBind(node)
      }
      api.forEachChild(node, visit)
    }
    visit(statement)
    return part
  }

  #callsRun({ expression }: ts.CallExpression): boolean {
    if (!api.isIdentifier(expression)) return false
    const from = this.#imports.get(expression.text)
    return from?.module === '@weaver/sdk' && from.name === 'run'
  }

  #readBind({ expression, arguments: [given] }: ts.CallExpression): void {
    if (!api.isIdentifier(expression) || expression.text !== 'bind' || given === undefined || !api.isObjectLiteralExpression(given)) return
    const named = (key: string): string | undefined =>
      given.properties
        .filter(api.isPropertyAssignment)
        .filter(({ name }) => api.isIdentifier(name) && name.text === key)
        .map(({ initializer }) => (api.isIdentifier(initializer) ? initializer.text : undefined))[0]
    const [token, implementation] = [named('token'), named('implementation')]
    if (token !== undefined && implementation !== undefined) this.#bound.push({ token, implementation })
  }
}

function namesIn(name: ts.BindingName): readonly string[] {
  if (api.isIdentifier(name)) return [name.text]
  return name.elements.flatMap((element) => (api.isOmittedExpression(element) ? [] : namesIn(element.name)))
}

function isExported(statement: ts.Statement): boolean {
  return api.canHaveModifiers(statement) && (statement.modifiers ?? []).some(({ kind }) => kind === api.SyntaxKind.ExportKeyword)
}

/** The name in `a.name`, `{ name: a }` or of a method. */
function isMemberName(node: ts.Identifier): boolean {
  const { parent } = node
  if (api.isPropertyAccessExpression(parent)) return parent.name === node
  return (api.isPropertyAssignment(parent) || api.isClassElement(parent) || api.isMethodDeclaration(parent)) && parent.name === node
}
