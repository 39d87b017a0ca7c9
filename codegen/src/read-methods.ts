import type ts from 'typescript-api'
import type { DiagnosticCode } from './diagnostics.js'
import type { InterfaceSource } from './interface-source.js'
import type { MethodModel, ParameterModel } from './model.js'
import type { ShapeReader } from './read-shape.js'
import { isSymbolKeyed, shownName } from './phantom-members.js'
import { readRouter } from './read-router.js'
import type { Shape } from './shape.js'
import type { SourceReader } from './source-reader.js'

/**
 * The runtime calls these on every class that has them. `health()` only asks, so a method may share
 * the name; `lead()` is WVG048.
 */
const HOOKS: readonly string[] = ['init', 'shutdown']

/** A call numbers its method with two bytes. */
const MAX_METHODS = 2 ** 16

/**
 * The methods of a component's interface, sorted by name. Reports everything that cannot be called
 * from another process.
 */
export function readMethods(reader: SourceReader, shapes: ShapeReader, from: InterfaceSource): readonly MethodModel[] {
  const properties = reader.checker.getPropertiesOfType(from.type)
  if (properties.length > MAX_METHODS) {
    reader.report('WVG055', `component "${from.name}" has ${properties.length} methods`, from.typeNode)
    return []
  }
  const names = new Set(properties.map((property) => property.name))
  const options = {
    router: optionNames(reader, from, 'router', names),
    notRetriable: optionNames(reader, from, 'notRetriable', names),
  }
  optionNames(reader, from, 'timeoutMs', names)
  const router = optionValue(reader, from, 'router')
  if (router !== undefined) readRouter(reader, router, from)
  return properties
    .map((property) => new MethodReader(reader, shapes, from).read(property, options))
    .filter((method) => method !== undefined)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** The value of an option in the options of a component. */
export function optionValue({ ts }: SourceReader, { options }: InterfaceSource, name: string): ts.Expression | undefined {
  return options?.properties.find((p): p is ts.PropertyAssignment => ts.isPropertyAssignment(p) && p.name.getText() === name)?.initializer
}

/** Method names in an option: keys of an object, or elements of a list. */
function optionNames(reader: SourceReader, from: InterfaceSource, option: string, methods: ReadonlySet<string>): ReadonlySet<string> {
  const { ts } = reader
  const value = optionValue(reader, from, option)
  if (value === undefined) return new Set()
  const entries: { readonly text: string; readonly node: ts.Node }[] = []
  if (ts.isObjectLiteralExpression(value)) {
    for (const p of value.properties)
      if (p.name !== undefined) entries.push({ text: ts.isStringLiteralLike(p.name) ? p.name.text : p.name.getText(), node: p })
  } else if (ts.isArrayLiteralExpression(value)) {
    for (const e of value.elements)
      if (ts.isStringLiteralLike(e)) entries.push({ text: e.text, node: e })
      else reader.report('WVG015', `${option} of component "${from.name}" has an element that is not a string literal`, e)
  } else reader.report('WVG015', `${option} of component "${from.name}" is not written in place`, value)
  for (const { text, node } of entries)
    if (!methods.has(text))
      reader.report('WVG014', `${option} of component "${from.name}" names "${text}", which its interface lacks`, node)
  return new Set(entries.map(({ text }) => text))
}

/** The name made up for a destructured parameter may be that of another one. */
function withOwnNames(parameters: readonly ParameterModel[]): readonly ParameterModel[] {
  const taken = new Set<string>()
  return parameters.map((parameter) => {
    let { name } = parameter
    while (taken.has(name) || (name !== parameter.name && parameters.some((other) => other.name === name))) name += '_'
    taken.add(name)
    return { ...parameter, name }
  })
}

class MethodReader {
  readonly #reader: SourceReader
  readonly #shapes: ShapeReader
  readonly #from: InterfaceSource
  readonly #told = new Set<ts.Type>()

  constructor(reader: SourceReader, shapes: ShapeReader, from: InterfaceSource) {
    this.#reader = reader
    this.#shapes = shapes
    this.#from = from
  }

  read(
    property: ts.Symbol,
    options: { readonly router: ReadonlySet<string>; readonly notRetriable: ReadonlySet<string> },
  ): MethodModel | undefined {
    const { checker } = this.#reader
    const declaration = property.valueDeclaration
    const node = declaration !== undefined && this.#reader.isOwn(declaration.getSourceFile().fileName) ? declaration : this.#from.typeNode
    const what = `${this.#from.name}.${shownName(property)}`
    const signatures = checker.getTypeOfSymbolAtLocation(property, this.#from.typeNode).getCallSignatures()
    const [signature] = signatures
    const fail = (code: DiagnosticCode, message: string): undefined => this.#reader.report(code, message, node) as undefined
    if (signature === undefined || isSymbolKeyed(property)) return fail('WVG020', `${what} is not a method`)
    if (HOOKS.includes(property.name)) return fail('WVG057', `${what}() has the name of a hook`)
    if (signatures.length > 1) return fail('WVG022', `${what} has ${signatures.length} forms`)
    if ((signature.typeParameters?.length ?? 0) > 0) return fail('WVG023', `${what} has type parameters`)
    const returned = signature.getReturnType()
    const promised = this.#argumentOf(returned, 'Promise')
    const streamed = this.#argumentOf(returned, 'AsyncIterable')
    const item = promised ?? streamed
    const path = `${this.#interfaceName()}.${property.name}`
    if (item === undefined) {
      const name = checker.typeToString(returned)
      return returned.getSymbol()?.name.startsWith('Async') === true
        ? fail('WVG025', `${what} returns ${name}`)
        : fail('WVG021', `${what} returns ${name}`)
    }
    const parameters = withOwnNames(signature.getParameters().map((parameter, i) => this.#parameter(parameter, i, { what, path, node })))
    const streams = parameters.filter((parameter) => parameter.kind === 'stream')
    if (streams.length > 1) return fail('WVG025', `${what} takes ${streams.length} streams`)
    return {
      name: property.name,
      parameters,
      result: this.#shape(item, streamed === undefined ? `${path}()` : `${path}()[]`, node),
      isStream: streamed !== undefined,
      isNotRetriable: options.notRetriable.has(property.name),
      isRouted: options.router.has(property.name),
    }
  }

  #parameter(
    parameter: ts.Symbol,
    position: number,
    of: { readonly what: string; readonly path: string; readonly node: ts.Node },
  ): ParameterModel {
    const { ts, checker } = this.#reader
    const declaration = parameter.valueDeclaration
    const written = declaration !== undefined && ts.isParameter(declaration) ? declaration : undefined
    const isRest = written?.dotDotDotToken !== undefined
    const name = /^[A-Za-z$][\w$]*$/.test(parameter.name) ? parameter.name : `arg${position}` // a destructured parameter has no name
    const type = checker.getTypeOfSymbolAtLocation(parameter, this.#from.typeNode)
    const item = this.#argumentOf(type, 'AsyncIterable')
    const node = declaration !== undefined && this.#reader.isOwn(declaration.getSourceFile().fileName) ? declaration : of.node
    return {
      name,
      kind: isRest ? 'rest' : item === undefined ? 'value' : 'stream',
      isOptional: written !== undefined && !isRest && checker.isOptionalParameter(written),
      shape: this.#shape(item ?? type, `${of.path}(${isRest ? '...' : ''}${name})${item === undefined ? '' : '[]'}`, node),
    }
  }

  /** `T` of the standard library's `Name<T>`. */
  #argumentOf(type: ts.Type, name: string): ts.Type | undefined {
    const symbol = type.getSymbol()
    const file = symbol?.declarations?.[0]?.getSourceFile()
    if (symbol?.name !== name || file === undefined || !this.#reader.program.isSourceFileDefaultLibrary(file)) return undefined
    return this.#reader.checker.getTypeArguments(type as ts.TypeReference)[0] // generic interfaces of the library are references
  }

  #interfaceName(): string {
    const { type, name } = this.#from
    const own = type.aliasSymbol?.name ?? type.getSymbol()?.name ?? ''
    return own === '' || own.startsWith('__') ? name : own
  }

  #shape(type: ts.Type, path: string, node: ts.Node): Shape {
    const { shape, problems } = this.#shapes.read(type, path)
    for (const problem of problems) {
      // Seen as an argument and as a result, it is still one thing to fix.
      if (problem.type !== undefined && this.#told.has(problem.type)) continue
      if (problem.type !== undefined) this.#told.add(problem.type)
      const isOwn = problem.node !== undefined && this.#reader.isOwn(problem.node.getSourceFile().fileName)
      this.#reader.report(problem.code, problem.message, isOwn ? problem.node : node)
    }
    return shape
  }
}
