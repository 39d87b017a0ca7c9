import type ts from 'typescript-api'
import { configSchema } from './config-schema.js'
import type { ClassFacts } from './model.js'
import type { SourceReader } from './source-reader.js'

export const FIELD_CALLS = ['ref', 'lazyRef', 'optionalRef', 'listener', 'config'] as const
const NAME = /^[A-Za-z0-9_-]+$/

/** A class passed to `implement` or `run`, and the expression that passes it. */
export interface ClassSource {
  readonly declaration: ts.ClassLikeDeclaration
  readonly given: ts.Expression
}

/**
 * Reads the fields of a class and of its base classes.
 * @param tokenName the component of a token's symbol; `undefined` after reporting the problem.
 * @param placed collects the calls that are where they may be.
 */
export function readClass(
  reader: SourceReader,
  { declaration, given }: ClassSource,
  options: {
    readonly tokenName: (token: ts.Expression | undefined, call: ts.CallExpression) => string | undefined
    readonly placed: Set<ts.Node>
    readonly remembered: <T>(node: ts.Node, compute: () => T) => T
    readonly onListener: (name: string, call: ts.Node) => void
  },
): ClassFacts {
  const refs = { ref: new Set<string>(), lazyRef: new Set<string>(), optionalRef: new Set<string>() }
  const listeners: string[] = []
  let config: ClassFacts['config']
  for (let at: ts.ClassLikeDeclaration | undefined = declaration; at !== undefined; at = reader.baseOf(at)) {
    for (const member of at.members) {
      const call = reader.ts.isPropertyDeclaration(member) ? member.initializer : undefined
      if (call === undefined || !reader.ts.isCallExpression(call)) continue
      const name = reader.calleeName(call)
      if (name === undefined || !(FIELD_CALLS as readonly string[]).includes(name)) continue
      options.placed.add(call)
      const [argument] = call.arguments
      if (name === 'ref' || name === 'lazyRef' || name === 'optionalRef') {
        const token = options.tokenName(argument, call)
        if (token !== undefined) refs[name].add(token)
      } else if (name === 'listener') {
        if (argument === undefined || !reader.ts.isStringLiteralLike(argument))
          reader.report('WVG011', 'the name of a listener is not a string literal', argument ?? call)
        else if (!NAME.test(argument.text)) reader.report('WVG044', `"${argument.text}" is not a listener name`, argument)
        else {
          listeners.push(argument.text)
          options.onListener(argument.text, call)
        }
      } else if (argument !== undefined) {
        if (config !== undefined) reader.report('WVG016', 'a second config() in one class', call)
        const found = options.remembered(argument, () => configSchema(reader, argument))
        for (const problem of found.problems) reader.report('WVG049', `configuration ${problem}`, argument)
        config = found.schema
      }
    }
  }
  checkHooks(reader, given)
  const isPlain = (name: string): boolean => refs.ref.has(name)
  return {
    refs: [...new Set([...refs.ref, ...refs.lazyRef, ...refs.optionalRef])].sort(),
    lazyRefs: [...refs.lazyRef].filter((name) => !isPlain(name) && !refs.optionalRef.has(name)).sort(),
    optionalRefs: [...refs.optionalRef].filter((name) => !isPlain(name) && !refs.lazyRef.has(name)).sort(),
    listeners: listeners.sort(),
    config,
    source: reader.relative(declaration.getSourceFile().fileName),
  }
}

/** The type that `new given()` constructs, and whether the class has type parameters. */
export function instanceOf(
  reader: SourceReader,
  given: ts.Expression,
): { readonly type: ts.Type; readonly isGeneric: boolean } | undefined {
  const [made] = reader.checker.getTypeAtLocation(given).getConstructSignatures()
  return made === undefined ? undefined : { type: made.getReturnType(), isGeneric: (made.typeParameters?.length ?? 0) > 0 }
}

/** A hook of another shape would still be called, or its result be lost. */
function checkHooks(reader: SourceReader, given: ts.Expression): void {
  const { checker, ts } = reader
  const instance = instanceOf(reader, given)
  if (instance === undefined) return
  const allowed = {
    init: ts.TypeFlags.Void | ts.TypeFlags.Undefined,
    shutdown: ts.TypeFlags.Void | ts.TypeFlags.Undefined,
    health: ts.TypeFlags.BooleanLike,
  }
  for (const [name, flags] of Object.entries(allowed)) {
    const hook = checker.getPropertyOfType(instance.type, name)
    if (hook === undefined) continue
    const wanted = name === 'health' ? '(): boolean | Promise<boolean>' : '(): void | Promise<void>'
    const [signature, ...more] = checker.getTypeOfSymbolAtLocation(hook, given).getCallSignatures()
    const fits = (type: ts.Type): boolean => {
      const of = checker.getAwaitedType(type) ?? type
      return of.isUnion() ? of.types.every((part) => (part.flags & flags) !== 0) : (of.flags & (flags | ts.TypeFlags.Never)) !== 0
    }
    if (signature !== undefined && more.length === 0 && signature.getParameters().length === 0 && fits(signature.getReturnType())) continue
    const node = hook.valueDeclaration
    reader.report(
      'WVG017',
      `${name} of ${given.getText()} is not ${name}${wanted}`,
      node !== undefined && reader.isOwn(node.getSourceFile().fileName) ? node : given,
    )
  }
}
