/**
 * Finds what a package declares: calls of `component`, `implement`, `run` and `codec`, and the
 * fields of the classes passed to them. It never runs the package's code.
 */
import type ts from 'typescript-api'
import { cycles, duplicateListeners, lackingTokens, withoutAbsentRefs } from './check-application.js'
import type { Diagnostic } from './diagnostics.js'
import { findErrorClasses } from './error-classes.js'
import { sendsInstances, type Application, type ComponentModel, type Exported, type MainModel, type MethodModel } from './model.js'
import { FIELD_CALLS, instanceOf, readClass, type ClassSource } from './read-class.js'
import { foreignNodes, PackageReader } from './read-packages.js'
import { readBalance } from './read-balance.js'
import { checkLeader, readLeader } from './read-leader.js'
import type { InterfaceSource } from './interface-source.js'
import { readMethods } from './read-methods.js'
import { shownName } from './phantom-members.js'
import { ShapeReader, type ClassCodec } from './read-shape.js'
import type { RunMemory } from './run-memory.js'
import { SourceReader } from './source-reader.js'

interface Token extends InterfaceSource {
  readonly exported: Exported
  readonly node: ts.CallExpression
}
interface Implementation extends ClassSource {
  readonly token: Token
  readonly exported: Exported
}

const NOTHING: Application = { components: [], main: undefined, errors: [], packages: [] }
/** The grammar that `component()` checks at run time. */
const COMPONENT_NAME = /^[A-Za-z0-9_-]+(\/[A-Za-z0-9_-]+)*$/

export function discover(
  api: typeof ts,
  program: ts.Program,
  options: { readonly projectDir: string; readonly outFile: string; readonly memory?: RunMemory },
): { readonly application: Application; readonly diagnostics: readonly Diagnostic[] } {
  const reader = new SourceReader(api, program, options)
  // Further problems of sources that cannot be read, or lack the SDK, would only mislead.
  if (reader.diagnostics.length > 0) return { application: NOTHING, diagnostics: reader.diagnostics }
  options.memory?.enter(reader)
  const application = new Discovery(reader, options.memory).run()
  return { application, diagnostics: reader.diagnostics }
}

class Discovery {
  readonly #reader: SourceReader
  readonly #memory: RunMemory | undefined
  readonly #calls: ReadonlyMap<string, readonly ts.CallExpression[]>
  readonly #tokens = new Map<ts.Symbol, Token>()
  readonly #implementations: Implementation[] = []
  /** Components that have an implementation, by name, even if it was rejected. */
  readonly #attempted = new Set<string>()
  readonly #mains: (ClassSource & { readonly node: ts.CallExpression })[] = []
  readonly #codecs = new Map<ts.Symbol, ClassCodec>()
  readonly #packages: PackageReader
  /** The last call that declares each listener, by name. */
  readonly #listeners = new Map<string, ts.Node>()
  /** Field calls that are where they may be. */
  readonly #placed = new Set<ts.Node>()

  constructor(reader: SourceReader, memory: RunMemory | undefined) {
    this.#reader = reader
    this.#memory = memory
    this.#calls = reader.sdkCalls()
    this.#packages = new PackageReader(reader)
  }

  run(): Application {
    for (const call of this.#callsOf('component')) this.#component(call)
    for (const call of this.#callsOf('codec')) this.#codec(call)
    for (const call of this.#callsOf('implement')) this.#implement(call)
    for (const call of this.#callsOf('run')) this.#main(call)
    const { components, main } = this.#settled(this.#components())
    const [, second] = this.#mains
    if (second !== undefined) this.#reader.report('WVG042', 'run() is called a second time', second.node)
    if (main === undefined && components.length === 0 && this.#reader.diagnostics.length === 0)
      this.#reader.report('WVG041', 'nothing to generate: no component() and no run() in this package')
    for (const field of FIELD_CALLS) for (const call of this.#callsOf(field)) this.#stray(call, field)
    const { packages } = this.#packages
    const others = foreignNodes(this.#reader, packages, new Set(components.map(({ name }) => name)))
    for (const [listener, one, other] of duplicateListeners([...components, ...others], main))
      this.#reader.report('WVG012', `listener "${listener}" is declared by "${one}" and by "${other}"`, this.#listeners.get(listener))
    for (const names of cycles([...components, ...others]))
      this.#reader.report(
        'WVG013',
        `components refer to each other in a circle: ${names.join(' → ')}`,
        [...this.#tokens.values()].find((token) => token.name === names[0])?.node,
      )
    const roots = [...this.#tokens.values(), ...this.#implementations].map(({ exported }) => exported.file)
    const errors = findErrorClasses(this.#reader, [...roots, ...this.#mains.map(({ declaration }) => declaration.getSourceFile().fileName)])
    this.#notBesideRun([...this.#implementations, ...this.#tokens.values()].map(({ exported }) => exported).concat(errors))
    return { components, main, errors, packages }
  }

  /** Main and the components, without optional refs that nothing implements. */
  #settled(found: readonly ComponentModel[]): { readonly components: readonly ComponentModel[]; readonly main: MainModel | undefined } {
    const [first] = this.#mains
    const main = first === undefined ? undefined : this.#class(first)
    const tokens = [...this.#tokens.values()]
    const implemented = new Set([
      ...found.map(({ name }) => name),
      ...this.#packages.packages.flatMap(({ nodes }) => nodes.map(({ name }) => name)),
    ])
    const unimplemented = tokens.filter(({ name }) => !implemented.has(name)).map(({ name }) => name)
    for (const name of lackingTokens([...found, ...(main === undefined ? [] : [main])], unimplemented))
      if (!this.#attempted.has(name)) this.#reader.report('WVG005', `component "${name}" has no implementation in this package`, tokens.find((token) => token.name === name)?.node) // prettier-ignore
    return {
      components: found.map((component) => withoutAbsentRefs(component, implemented)),
      main: main === undefined ? undefined : withoutAbsentRefs(main, implemented),
    }
  }

  #callsOf(name: string): readonly ts.CallExpression[] {
    return this.#calls.get(name) ?? []
  }

  #component(call: ts.CallExpression): void {
    const { ts, checker } = this.#reader
    const [nameNode, options] = call.arguments
    const [typeNode] = call.typeArguments ?? []
    const found = this.#reader.exportedConst(call)
    if (found === undefined) return this.#reader.report('WVG001', 'a component must be an exported top-level const', call)
    if (nameNode === undefined || !ts.isStringLiteralLike(nameNode))
      return this.#reader.report('WVG002', `the name of component ${found.exported.name} is not a string literal`, nameNode ?? call)
    const name = nameNode.text
    if (!COMPONENT_NAME.test(name)) return this.#reader.report('WVG044', `"${name}" is not a valid component name`, nameNode)
    if (typeNode === undefined) return this.#reader.report('WVG003', `component "${name}" does not name its interface`, call)
    const type = checker.getTypeFromTypeNode(typeNode)
    // Otherwise it would silently be a component without methods.
    if (type.flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown))
      this.#reader.report('WVG054', `the interface of component "${name}" cannot be resolved: ${typeNode.getText()}`, typeNode)
    if (options !== undefined && !ts.isObjectLiteralExpression(options))
      return this.#reader.report('WVG015', `the options of component "${name}" are not an object literal`, options)
    const twin = [...this.#tokens.values()].find((token) => token.name === name)
    if (twin !== undefined)
      return this.#reader.report('WVG004', `component "${name}" is already declared at ${this.#place(twin.node)}`, nameNode)
    this.#tokens.set(found.symbol, {
      name,
      exported: found.exported,
      type,
      typeNode,
      options,
      node: call,
    })
  }

  #place(node: ts.Node): string {
    const at = node.getSourceFile()
    return `${this.#reader.relative(at.fileName)}:${at.getLineAndCharacterOfPosition(node.getStart()).line + 1}`
  }

  #codec(call: ts.CallExpression): void {
    const { checker, ts } = this.#reader
    const [given] = call.arguments
    const found = this.#reader.exportedConst(call)
    if (found === undefined) return this.#reader.report('WVG035', 'a codec must be an exported top-level const', call)
    const instance = given === undefined ? undefined : instanceOf(this.#reader, given)
    const symbol = this.#reader.symbolOf(given)
    if (given === undefined || symbol === undefined || !(symbol.flags & ts.SymbolFlags.Class) || instance?.isGeneric === true)
      return this.#reader.report(
        'WVG035',
        instance?.isGeneric === true ? `class ${symbol?.name ?? ''} has type parameters` : 'codec() is not given a class by its name',
        given ?? call,
      )
    if (this.#codecs.has(symbol)) return this.#reader.report('WVG035', `class ${symbol.name} already has a codec`, call)
    const toPlain = checker.getPropertyOfType(checker.getTypeAtLocation(call), 'toPlain')
    const signature = toPlain === undefined ? undefined : checker.getTypeOfSymbolAtLocation(toPlain, call).getCallSignatures()[0]
    if (signature !== undefined) this.#codecs.set(symbol, { exported: found.exported, plain: signature.getReturnType() })
  }

  #implement(call: ts.CallExpression): void {
    const { checker } = this.#reader
    const [tokenNode, given] = call.arguments
    const symbol = this.#reader.symbolOf(tokenNode)
    const token = symbol === undefined ? undefined : this.#tokens.get(symbol)
    if (token !== undefined) this.#attempted.add(token.name)
    const found = this.#reader.exportedConst(call)
    if (found === undefined) return this.#reader.report('WVG007', 'an implementation must be an exported top-level const', call)
    const declaration = this.#reader.classOf(given)
    if (token === undefined) return this.#reader.report('WVG008', `implement() is not given a component of this package`, tokenNode ?? call)
    if (given === undefined || declaration === undefined)
      return this.#reader.report('WVG008', `the class of component "${token.name}" cannot be found`, given ?? call)
    if (this.#implementations.some((other) => other.token === token))
      return this.#reader.report('WVG006', `component "${token.name}" is implemented twice`, call)
    this.#implementations.push({ token, exported: found.exported, declaration, given })
    const instance = instanceOf(this.#reader, given)
    if (instance?.isGeneric === true)
      return this.#reader.report('WVG019', `the class of component "${token.name}" has type parameters`, given)
    if (instance === undefined) return
    const compare = (): string | undefined => {
      if (checker.isTypeAssignableTo(instance.type, token.type)) return undefined
      const lacking = checker
        .getPropertiesOfType(token.type)
        .filter(({ name }) => checker.getPropertyOfType(instance.type, name) === undefined)
      if (lacking.length > 0) return `it lacks ${lacking.map((method) => `${shownName(method)}()`).join(', ')}`
      const differing = checker.getPropertiesOfType(token.type).filter((wanted) => {
        const own = checker.getPropertyOfType(instance.type, wanted.name)
        return own === undefined || !checker.isTypeAssignableTo(checker.getTypeOfSymbol(own), checker.getTypeOfSymbol(wanted))
      })
      return `another type has ${differing.map((method) => `${shownName(method)}()`).join(', ')}`
    }
    const why = this.#remembered(call, compare)
    if (why !== undefined) this.#reader.report('WVG018', `${given.getText()} does not fulfil component "${token.name}": ${why}`, given)
  }

  #remembered<T>(node: ts.Node, compute: () => T): T {
    return this.#memory === undefined ? compute() : this.#memory.answer(this.#reader, node, compute)
  }

  #main(call: ts.CallExpression): void {
    const [given] = call.arguments
    const declaration = this.#reader.classOf(given)
    if (given === undefined || declaration === undefined)
      return this.#reader.report('WVG008', 'the class given to run() cannot be found', given ?? call)
    this.#mains.push({ declaration, given, node: call })
  }

  #components(): readonly ComponentModel[] {
    const shapes = new ShapeReader(this.#reader.ts, this.#reader.program, this.#codecs)
    const models: ComponentModel[] = []
    for (const token of [...this.#tokens.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const methods = this.#methods(shapes, token)
      const leader = readLeader(this.#reader, token)
      const balance = readBalance(this.#reader, token)
      const implementation = this.#implementations.find((found) => found.token === token)
      if (implementation === undefined) continue // #settled says whether it has to have one
      checkLeader(this.#reader, { name: token.name, leader, methods }, implementation)
      models.push({
        name: token.name,
        token: token.exported,
        isInterfaceNamed: this.#isInterfaceNamed(token),
        implementation: implementation.exported,
        methods,
        ...(leader === undefined ? {} : { leader }),
        ...(balance === undefined ? {} : { balance }),
        ...this.#class(implementation),
      })
    }
    return models
  }

  #methods(shapes: ShapeReader, token: Token): readonly MethodModel[] {
    const told = this.#reader.diagnostics.length
    const read = (): readonly MethodModel[] => readMethods(this.#reader, shapes, token)
    // The codec of a class may be in a file that no type names, and diagnostics must be reported
    // again.
    const isKept = (methods: readonly MethodModel[]): boolean => this.#reader.diagnostics.length === told && !methods.some(sendsInstances)
    return this.#memory === undefined ? read() : this.#memory.answer(this.#reader, token.node, read, isKept)
  }

  /** The generated file imports one name and uses it for both the token and the interface. */
  #isInterfaceNamed({ type, exported, node }: Token): boolean {
    const symbol = type.aliasSymbol ?? type.getSymbol()
    const module = this.#reader.checker.getSymbolAtLocation(node.getSourceFile())
    const namesake =
      module === undefined ? undefined : this.#reader.checker.getExportsOfModule(module).find(({ name }) => name === exported.name)
    const meant = namesake === undefined ? [] : (this.#reader.resolve(namesake).declarations ?? [])
    const hasNoArguments =
      (type.aliasTypeArguments ?? []).length === 0 && this.#reader.checker.getTypeArguments(type as ts.TypeReference).length === 0
    return (
      symbol?.name === exported.name &&
      hasNoArguments &&
      symbol.declarations?.some((declaration) => declaration.getSourceFile() === node.getSourceFile() && meant.includes(declaration)) ===
        true
    )
  }

  #class(source: ClassSource): MainModel {
    return readClass(this.#reader, source, {
      placed: this.#placed,
      remembered: (node, compute) => this.#remembered(node, compute),
      onListener: (name, call) => void this.#listeners.set(name, call),
      tokenName: (token, call) => {
        const symbol = this.#reader.symbolOf(token)
        if (symbol !== undefined && this.#packages.isForeign(symbol)) return this.#packages.componentOf(symbol, token ?? call)
        const name = symbol === undefined ? undefined : this.#tokens.get(symbol)?.name
        if (name === undefined)
          this.#reader.report(
            'WVG008',
            `${call.expression.getText()}() is not given a component: ${token?.getText() ?? 'nothing'}`,
            token ?? call,
          )
        return name
      },
    })
  }

  /** Reports a field call outside of every known class. */
  #stray(call: ts.CallExpression, field: string): void {
    if (this.#placed.has(call)) return
    const isField = this.#reader.ts.isPropertyDeclaration(call.parent) && call.parent.initializer === call
    if (isField) this.#reader.report('WVG010', `${field}() is in a class that is passed neither to implement() nor to run()`, call)
    else this.#reader.report('WVG009', `${field}() is not the initialiser of a class field`, call)
  }

  /**
   * The generated file imports all of these, and so do tests: importing the file that calls `run`
   * would run the application.
   */
  #notBesideRun(all: readonly Exported[]): void {
    for (const { node } of this.#mains)
      for (const { name } of all.filter(({ file }) => file === node.getSourceFile().fileName))
        this.#reader.report('WVG043', `${name} is declared in the file that calls run()`, node)
  }
}
