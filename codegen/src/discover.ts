/**
 * Finds what a package declares: calls of `component`, `implement` and `run`, and the fields of the classes given to them. Calls are known by the declaration they
 * resolve to, not by their spelling. Nothing of the package is run.
 */
import { relative, sep } from 'node:path'
import type ts from 'typescript-api'
import { configSchema } from './config-schema.js'
import { CATALOGUE, type Diagnostic, type DiagnosticCode } from './diagnostics.js'
import type { Application, ClassFacts, ComponentModel, Exported, MainModel, MethodModel } from './model.js'
import { ShapeReader } from './read-shape.js'

const SDK = '@weaver/sdk'
const FIELDS = ['ref', 'listener', 'config'] as const
type FieldCall = (typeof FIELDS)[number]

interface Token {
  readonly name: string
  readonly symbol: ts.Symbol
  readonly exported: Exported
  readonly type: ts.Type
  readonly typeNode: ts.TypeNode
  readonly options: ts.ObjectLiteralExpression | undefined
  readonly node: ts.Node
}
interface Implementation {
  readonly token: Token
  readonly exported: Exported
  readonly declaration: ts.ClassLikeDeclaration
  readonly node: ts.Node
}

export function discover(
  api: typeof ts,
  program: ts.Program,
  options: { readonly projectDir: string; readonly outFile: string },
): { readonly application: Application; readonly diagnostics: readonly Diagnostic[] } {
  return new Discovery(api, program, options).run()
}

class Discovery {
  readonly #ts: typeof ts
  readonly #checker: ts.TypeChecker
  readonly #shapes: ShapeReader
  readonly #sources: readonly ts.SourceFile[]
  readonly #projectDir: string
  readonly #diagnostics: Diagnostic[] = []
  readonly #sdk = new Map<ts.Symbol, string>()
  readonly #tokens = new Map<ts.Symbol, Token>()
  readonly #implementations: Implementation[] = []
  readonly #mains: { readonly declaration: ts.ClassLikeDeclaration; readonly node: ts.Node }[] = []
  /** Field calls that stand where they may. */
  readonly #placed = new Set<ts.Node>()

  constructor(api: typeof ts, program: ts.Program, options: { readonly projectDir: string; readonly outFile: string }) {
    this.#ts = api
    this.#checker = program.getTypeChecker()
    this.#shapes = new ShapeReader(api, program)
    this.#projectDir = options.projectDir
    this.#sources = program
      .getSourceFiles()
      .filter(
        (file) =>
          !file.isDeclarationFile &&
          file.fileName !== options.outFile &&
          file.fileName.startsWith(`${options.projectDir}/`) &&
          !file.fileName.slice(options.projectDir.length).includes('/node_modules/') &&
          !/\.test\.tsx?$/.test(file.fileName),
      )
      .sort((a, b) => (a.fileName < b.fileName ? -1 : 1))
  }

  run(): { readonly application: Application; readonly diagnostics: readonly Diagnostic[] } {
    for (const source of this.#sources) this.#learnSdk(source)
    for (const source of this.#sources) this.#each(source, 'component', (call) => this.#component(call))
    for (const source of this.#sources) this.#each(source, 'implement', (call) => this.#implement(call))
    for (const source of this.#sources) this.#each(source, 'run', (call) => this.#main(call))
    const components = this.#components()
    const [first] = this.#mains
    const main: MainModel | undefined = first === undefined ? undefined : this.#class(first.declaration)
    if (this.#mains.length > 1) this.#report('WVG042', 'run() is called a second time', this.#mains[1]?.node)
    if (main === undefined && components.length === 0 && this.#diagnostics.length === 0)
      this.#report('WVG041', 'nothing to generate: no component() and no run() in this package')
    for (const source of this.#sources) for (const field of FIELDS) this.#each(source, field, (call) => this.#stray(call, field))
    this.#listenersOnce(components, main)
    this.#cycles(components)
    return { application: { components, main }, diagnostics: this.#diagnostics.sort((a, b) => (place(a) < place(b) ? -1 : 1)) }
  }

  #report(code: DiagnosticCode, message: string, node?: ts.Node): void {
    const source = node?.getSourceFile()
    const at = node === undefined || source === undefined ? undefined : source.getLineAndCharacterOfPosition(node.getStart())
    this.#diagnostics.push({
      code,
      message,
      hint: CATALOGUE[code].hint,
      ...(source === undefined || at === undefined
        ? {}
        : { file: this.#relative(source.fileName), line: at.line + 1, column: at.character + 1 }),
    })
  }

  #relative(file: string): string {
    return relative(this.#projectDir, file).split(sep).join('/')
  }

  /** Which symbols are functions of the SDK, by the imports of a file. */
  #learnSdk(source: ts.SourceFile): void {
    for (const statement of source.statements) {
      if (
        !this.#ts.isImportDeclaration(statement) ||
        !this.#ts.isStringLiteral(statement.moduleSpecifier) ||
        statement.moduleSpecifier.text !== SDK
      )
        continue
      const module = this.#checker.getSymbolAtLocation(statement.moduleSpecifier)
      if (module === undefined) continue
      for (const exported of this.#checker.getExportsOfModule(module)) this.#sdk.set(this.#resolve(exported), exported.name)
    }
  }

  #resolve(symbol: ts.Symbol): ts.Symbol {
    return symbol.flags & this.#ts.SymbolFlags.Alias ? this.#checker.getAliasedSymbol(symbol) : symbol
  }

  #symbolOf(node: ts.Node | undefined): ts.Symbol | undefined {
    const symbol = node === undefined ? undefined : this.#checker.getSymbolAtLocation(node)
    return symbol === undefined ? undefined : this.#resolve(symbol)
  }

  #calleeName(call: ts.CallExpression): string | undefined {
    const symbol = this.#symbolOf(this.#ts.isPropertyAccessExpression(call.expression) ? call.expression.name : call.expression)
    return symbol === undefined ? undefined : this.#sdk.get(symbol)
  }

  #each(source: ts.SourceFile, name: string, found: (call: ts.CallExpression) => void): void {
    const visit = (node: ts.Node): void => {
      if (this.#ts.isCallExpression(node) && this.#calleeName(node) === name) found(node)
      this.#ts.forEachChild(node, visit)
    }
    visit(source)
  }

  /** The exported top-level const whose value this call is. */
  #exportedConst(call: ts.CallExpression): { readonly exported: Exported; readonly symbol: ts.Symbol } | undefined {
    const declaration = call.parent
    if (!this.#ts.isVariableDeclaration(declaration) || declaration.initializer !== call || !this.#ts.isIdentifier(declaration.name))
      return undefined
    const statement = declaration.parent.parent
    const isExported =
      this.#ts.isVariableStatement(statement) &&
      this.#ts.isSourceFile(statement.parent) &&
      statement.modifiers?.some((m) => m.kind === this.#ts.SyntaxKind.ExportKeyword) === true
    const symbol = this.#symbolOf(declaration.name)
    if (!isExported || symbol === undefined) return undefined
    return { exported: { file: call.getSourceFile().fileName, name: declaration.name.text }, symbol }
  }

  #component(call: ts.CallExpression): void {
    const [nameNode, options] = call.arguments
    const [typeNode] = call.typeArguments ?? []
    const found = this.#exportedConst(call)
    if (found === undefined) return this.#report('WVG001', 'a component must be an exported top-level const', call)
    if (nameNode === undefined || !this.#ts.isStringLiteralLike(nameNode))
      return this.#report('WVG002', `the name of component ${found.exported.name} is not a string literal`, nameNode ?? call)
    if (typeNode === undefined) return this.#report('WVG003', `component "${nameNode.text}" does not name its interface`, call)
    if (options !== undefined && !this.#ts.isObjectLiteralExpression(options))
      return this.#report('WVG015', `the options of component "${nameNode.text}" are not an object literal`, options)
    const twin = [...this.#tokens.values()].find((token) => token.name === nameNode.text)
    if (twin !== undefined) {
      const at = twin.node.getSourceFile()
      return this.#report(
        'WVG004',
        `component "${nameNode.text}" is declared already at ${this.#relative(at.fileName)}:${at.getLineAndCharacterOfPosition(twin.node.getStart()).line + 1}`,
        nameNode,
      )
    }
    this.#tokens.set(found.symbol, {
      name: nameNode.text,
      symbol: found.symbol,
      exported: found.exported,
      type: this.#checker.getTypeFromTypeNode(typeNode),
      typeNode,
      options,
      node: call,
    })
  }

  #classOf(node: ts.Expression | undefined): ts.ClassLikeDeclaration | undefined {
    if (node !== undefined && this.#ts.isClassExpression(node)) return node
    const declaration = this.#symbolOf(node)?.valueDeclaration
    if (declaration === undefined) return undefined
    if (this.#ts.isClassLike(declaration)) return declaration
    return this.#ts.isVariableDeclaration(declaration) &&
      declaration.initializer !== undefined &&
      this.#ts.isClassExpression(declaration.initializer)
      ? declaration.initializer
      : undefined
  }

  #implement(call: ts.CallExpression): void {
    const [tokenNode, classNode] = call.arguments
    const found = this.#exportedConst(call)
    if (found === undefined) return this.#report('WVG007', 'an implementation must be an exported top-level const', call)
    const symbol = this.#symbolOf(tokenNode)
    const token = symbol === undefined ? undefined : this.#tokens.get(symbol)
    const declaration = this.#classOf(classNode)
    if (token === undefined) return this.#report('WVG008', `implement() is not given a component of this package`, tokenNode ?? call)
    if (declaration === undefined)
      return this.#report('WVG008', `the class of component "${token.name}" cannot be found`, classNode ?? call)
    if (this.#implementations.some((other) => other.token === token))
      return this.#report('WVG006', `component "${token.name}" is implemented twice`, call)
    this.#implementations.push({ token, exported: found.exported, declaration, node: call })
  }

  #main(call: ts.CallExpression): void {
    const declaration = this.#classOf(call.arguments[0])
    if (declaration === undefined) return this.#report('WVG008', 'the class given to run() cannot be found', call.arguments[0] ?? call)
    this.#mains.push({ declaration, node: call })
  }

  #components(): readonly ComponentModel[] {
    const models: ComponentModel[] = []
    for (const token of this.#tokens.values()) {
      const implementation = this.#implementations.find((found) => found.token === token)
      if (implementation === undefined) {
        this.#report('WVG005', `component "${token.name}" has no implementation in this package`, token.node)
        continue
      }
      models.push({
        name: token.name,
        token: token.exported,
        implementation: implementation.exported,
        methods: this.#methods(token),
        ...this.#class(implementation.declaration),
      })
    }
    return models.sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  #methods(token: Token): readonly MethodModel[] {
    const properties = this.#checker.getPropertiesOfType(token.type)
    const names = new Set(properties.map((property) => property.name))
    const router = this.#optionNames(token, 'router', names)
    const notRetriable = this.#optionNames(token, 'notRetriable', names)
    this.#optionNames(token, 'timeoutMs', names)
    return properties
      .map((property) => this.#method(token, property, { router, notRetriable }))
      .filter((method) => method !== undefined)
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** Names of methods in an option: keys of an object, or elements of a list. */
  #optionNames(token: Token, option: string, methods: ReadonlySet<string>): ReadonlySet<string> {
    const property = token.options?.properties.find(
      (p): p is ts.PropertyAssignment => this.#ts.isPropertyAssignment(p) && p.name.getText() === option,
    )
    if (property === undefined) return new Set()
    const value = property.initializer
    const entries: { readonly text: string; readonly node: ts.Node }[] = []
    if (this.#ts.isObjectLiteralExpression(value))
      for (const p of value.properties)
        if (p.name !== undefined) entries.push({ text: this.#ts.isStringLiteralLike(p.name) ? p.name.text : p.name.getText(), node: p })
    if (this.#ts.isArrayLiteralExpression(value))
      for (const e of value.elements) if (this.#ts.isStringLiteralLike(e)) entries.push({ text: e.text, node: e })
    for (const { text, node } of entries)
      if (!methods.has(text))
        this.#report('WVG014', `${option} of component "${token.name}" names "${text}", which its interface lacks`, node)
    return new Set(entries.map(({ text }) => text))
  }

  #method(
    token: Token,
    property: ts.Symbol,
    options: { readonly router: ReadonlySet<string>; readonly notRetriable: ReadonlySet<string> },
  ): MethodModel | undefined {
    const node = property.valueDeclaration ?? token.typeNode
    const what = `${token.name}.${property.name}`
    const signatures = this.#checker.getTypeOfSymbolAtLocation(property, token.typeNode).getCallSignatures()
    const [signature] = signatures
    const fail = (code: DiagnosticCode, message: string): undefined => this.#report(code, message, node) as undefined
    if (signature === undefined) return fail('WVG020', `${what} is not a method`)
    if (signatures.length > 1) return fail('WVG022', `${what} has ${signatures.length} forms`)
    if ((signature.typeParameters?.length ?? 0) > 0) return fail('WVG023', `${what} has type parameters`)
    const returned = signature.getReturnType()
    const returnedName = returned.getSymbol()?.name ?? ''
    if (['AsyncIterable', 'AsyncGenerator', 'AsyncIterableIterator'].includes(returnedName))
      return fail('WVG025', `${what} returns ${returnedName}`)
    const promised = returnedName === 'Promise' ? this.#checker.getTypeArguments(returned as ts.TypeReference)[0] : undefined
    if (promised === undefined) return fail('WVG021', `${what} returns ${this.#checker.typeToString(returned)}`)
    const parameters = signature.getParameters().map((parameter) => {
      const declaration = parameter.valueDeclaration
      if (declaration !== undefined && this.#ts.isParameter(declaration) && declaration.dotDotDotToken !== undefined)
        this.#report('WVG024', `${what} takes ...${parameter.name}`, declaration)
      return {
        name: parameter.name,
        shape: this.#shape(
          this.#checker.getTypeOfSymbolAtLocation(parameter, node),
          `${property.name}(${parameter.name})`,
          declaration ?? node,
        ),
      }
    })
    return {
      name: property.name,
      parameters,
      result: this.#shape(promised, `the result of ${property.name}()`, node),
      isNotRetriable: options.notRetriable.has(property.name),
      isRouted: options.router.has(property.name),
    }
  }

  #shape(type: ts.Type, path: string, node: ts.Node): MethodModel['result'] {
    const shape = this.#shapes.read(type, path)
    for (const { code, message } of this.#shapes.problems) this.#report(code, message, node)
    this.#shapes.problems = []
    return shape
  }

  /** Fields of a class and of its bases. */
  #class(declaration: ts.ClassLikeDeclaration): ClassFacts {
    const refs = new Set<string>()
    const listeners: string[] = []
    let config: ClassFacts['config']
    for (let at: ts.ClassLikeDeclaration | undefined = declaration; at !== undefined; at = this.#baseOf(at)) {
      for (const member of at.members) {
        const call = this.#ts.isPropertyDeclaration(member) ? member.initializer : undefined
        if (call === undefined || !this.#ts.isCallExpression(call)) continue
        const name = this.#calleeName(call)
        if (name === undefined || !(FIELDS as readonly string[]).includes(name)) continue
        this.#placed.add(call)
        const [argument] = call.arguments
        if (name === 'ref') {
          const symbol = this.#symbolOf(argument)
          const token = symbol === undefined ? undefined : this.#tokens.get(symbol)
          if (token === undefined) this.#report('WVG008', 'ref() is not given a component of this package', argument ?? call)
          else refs.add(token.name)
        } else if (name === 'listener') {
          if (argument === undefined || !this.#ts.isStringLiteralLike(argument))
            this.#report('WVG011', 'the name of a listener is not a string literal', argument ?? call)
          else listeners.push(argument.text)
        } else if (argument !== undefined) {
          if (config !== undefined) this.#report('WVG016', 'a second config() in one class', call)
          config = configSchema(this.#ts, this.#checker, argument)
        }
      }
    }
    return { refs: [...refs].sort(), listeners: listeners.sort(), config, source: this.#relative(declaration.getSourceFile().fileName) }
  }

  #baseOf(declaration: ts.ClassLikeDeclaration): ts.ClassLikeDeclaration | undefined {
    const clause = declaration.heritageClauses?.find((c) => c.token === this.#ts.SyntaxKind.ExtendsKeyword)
    return this.#classOf(clause?.types[0]?.expression)
  }

  /** A field call that no known class has. */
  #stray(call: ts.CallExpression, field: FieldCall): void {
    if (this.#placed.has(call)) return
    const isField = this.#ts.isPropertyDeclaration(call.parent) && call.parent.initializer === call
    if (isField) this.#report('WVG010', `${field}() stands in a class that is given neither to implement() nor to run()`, call)
    else this.#report('WVG009', `${field}() is not the initialiser of a class field`, call)
  }

  #listenersOnce(components: readonly ComponentModel[], main: MainModel | undefined): void {
    const seen = new Map<string, string>()
    for (const { name, listeners } of [...(main === undefined ? [] : [{ ...main, name: 'weaver/Main' }]), ...components])
      for (const listener of listeners) {
        const other = seen.get(listener)
        if (other !== undefined) this.#report('WVG012', `listener "${listener}" is declared by "${other}" and by "${name}"`)
        seen.set(listener, name)
      }
  }

  #cycles(components: readonly ComponentModel[]): void {
    const byName = new Map(components.map((component) => [component.name, component]))
    const done = new Set<string>()
    const visit = (name: string, path: readonly string[]): void => {
      const from = path.indexOf(name)
      if (from >= 0)
        return this.#report(
          'WVG013',
          `components refer to each other in a circle: ${[...path.slice(from), name].join(' → ')}`,
          [...this.#tokens.values()].find((token) => token.name === name)?.node,
        )
      if (done.has(name)) return
      for (const ref of byName.get(name)?.refs ?? []) visit(ref, [...path, name])
      done.add(name)
    }
    for (const { name } of components) visit(name, [])
  }
}

function place({ file = '', line = 0, column = 0 }: Diagnostic): string {
  return `${file}:${String(line).padStart(8, '0')}:${String(column).padStart(8, '0')}`
}
