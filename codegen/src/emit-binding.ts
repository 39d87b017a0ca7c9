import type { CodecEmitter } from './emit-codec.js'
import { indent, isName, key, list, literal, member, WIDTH } from './layout.js'
import type { ComponentModel, MethodModel, ParameterModel } from './model.js'
import type { Shape } from './shape.js'

/** Names of a component's parts in the generated file. */
interface BindingNames {
  readonly token: string
  readonly implementation: string
  readonly type: string
  /** The interface of {@link emitMethodTypes}; absent when there is nothing to compare. */
  readonly methods: string | undefined
}

/** The column of a stub's members in the generated file. */
const MEMBER_AT = 8

/** `bind<Cart>({ … }),`: token, class, method codecs, stub and forwarder of one component. */
export function emitBinding(component: ComponentModel, codecs: CodecEmitter, names: BindingNames): string[] {
  const { methods } = component
  return [
    `bind<${names.methods === undefined ? names.type : `${names.type}, ${names.methods}`}>({`,
    ...indent([
      `token: ${names.token},`,
      `implementation: ${names.implementation},`,
      ...list('refs: ', component.refs.map(literal), { after: ',', at: 6 }),
      ...list('listeners: ', component.listeners.map(literal), { after: ',', at: 6 }),
      ...(methods.length === 0
        ? ['methods: [],']
        : ['methods: [', ...methods.flatMap((method) => indent(emitMethod(method, codecs))), '],']),
      ...(methods.length === 0
        ? ['stub: () => ({}),']
        : ['stub: (calls) => ({', ...methods.flatMap((method, i) => indent(emitStub(method, i, names))), '}),']),
      ...(methods.length === 0
        ? ['local: () => ({}),']
        : [
            `local: (${methods.some(isStraight) ? 'calls, target' : 'calls'}) => ({`,
            ...methods.flatMap((method, i) => indent(emitForwarder(method, i, names))),
            '}),',
          ]),
    ]),
    '}),',
  ]
}

function emitMethod(method: MethodModel, codecs: CodecEmitter): string[] {
  const { parameters, result } = method
  const writes = parameters.flatMap(({ kind, shape }, i) => {
    if (kind === 'stream' || !hasBytes(shape)) return []
    if (kind === 'rest') return [codecs.write(shape, `a.slice(${i}) as unknown as ${codecs.type(shape)}`)]
    return [codecs.write(shape, `a[${i}] as ${codecs.type(shape)}`)]
  })
  const reads = parameters.map(({ kind, shape }) =>
    kind === 'stream' ? 'undefined' : kind === 'rest' ? spread(shape, codecs) : codecs.read(shape),
  )
  const stream = parameters.findIndex((parameter) => parameter.kind === 'stream')
  const item = parameters[stream]?.shape
  const hasReads = parameters.some(({ kind, shape }) => kind !== 'stream' && hasBytes(shape))
  return [
    '{',
    ...indent([
      `name: ${literal(method.name)},`,
      ...(writes.length === 0 ? ['encodeArgs: () => undefined,'] : ['encodeArgs: (w, a) => {', ...indent(writes), '},']),
      ...list(`decodeArgs: (${hasReads ? 'r' : ''}) => `, reads, { after: ',', at: 10 }),
      ...codecLines('encodeResult', 'decodeResult', result, codecs),
      ...(method.isStream ? ['isStream: true,'] : []),
      ...(item === undefined
        ? []
        : ['input: {', ...indent([`position: ${stream},`, ...codecLines('encodeItem', 'decodeItem', item, codecs)]), '},']),
    ]),
    '},',
  ]
}

/** The array type of a rest parameter. */
function spread(shape: Shape, codecs: CodecEmitter): string {
  return shape.kind === 'tuple' ? `...(${codecs.read(shape)} as unknown as unknown[])` : `...${codecs.read(shape)}`
}

function codecLines(encode: string, decode: string, shape: Shape, codecs: CodecEmitter): string[] {
  if (!hasBytes(shape)) return [`${encode}: () => undefined,`, `${decode}: () => ${codecs.read(shape)},`]
  return [`${encode}: (w, v) => ${codecs.write(shape, `v as ${codecs.type(shape)}`)},`, `${decode}: (r) => ${codecs.read(shape)},`]
}

function emitStub(method: MethodModel, index: number, { type }: BindingNames): string[] {
  const { parameters, values } = argumentNames(method.parameters)
  const body = `calls.${method.isStream ? 'stream' : 'call'}(${index}, ${values}) as ${resultType(method, type)}`
  const line = `${key(method.name)}: (${parameters}) => ${body},`
  return MEMBER_AT + line.length <= WIDTH ? [line] : [`${key(method.name)}: (${parameters}) =>`, `  ${body},`]
}

/** A stream needs its context at each item, so it never takes the direct path. */
const isStraight = ({ isStream, parameters }: MethodModel): boolean => !isStream && parameters.every(({ kind }) => kind !== 'stream')

function emitForwarder(method: MethodModel, index: number, names: BindingNames): string[] {
  if (!isStraight(method)) return emitStub(method, index, names)
  const { parameters, values } = argumentNames(method.parameters)
  const ifNot = 'if (entered === undefined)'
  const otherwise = `return calls.call(${index}, ${values}) as ${resultType(method, names.type)}`
  return [
    `${key(method.name)}: (${parameters}) => {`,
    ...indent([
      `const entered = calls.enter(${index})`,
      ...(MEMBER_AT + 3 + ifNot.length + otherwise.length <= WIDTH ? [`${ifNot} ${otherwise}`] : [ifNot, `  ${otherwise}`]),
      'try {',
      `  return calls.leave(entered, ${member('target', method.name)}(${parameters}))`,
      '} catch (error) {',
      '  return calls.fail(entered, error)',
      '}',
    ]),
    '},',
  ]
}

function resultType(method: MethodModel, type: string): string {
  return `ReturnType<${type}[${isName(method.name) ? `'${method.name}'` : literal(method.name)}]>`
}

/** `a, ...rest` and `[a, ...rest]`; a list too long for one line is forwarded as a whole. */
function argumentNames(parameters: readonly ParameterModel[]): { readonly parameters: string; readonly values: string } {
  const taken = new Set(parameters.map(({ name }) => name))
  const names = parameters.map(({ name, kind }) => `${kind === 'rest' ? '...' : ''}${RESERVED.has(name) ? freeName(name, taken) : name}`)
  const text = names.join(', ')
  return text.length > 40 ? { parameters: '...args', values: 'args' } : { parameters: text, values: `[${text}]` }
}

/** `calls_`, or `calls__` if a parameter has that name; reserves it. */
function freeName(name: string, taken: Set<string>): string {
  let free = `${name}_`
  while (taken.has(free)) free += '_'
  taken.add(free)
  return free
}

const hasBytes = (shape: Shape): boolean => shape.kind !== 'undefined' && shape.kind !== 'null'

/**
 * Names that the code around a parameter uses, and words that are valid parameter names in an
 * interface but not in code.
 */
const RESERVED = new Set([
  'calls',
  'target',
  'entered',
  'arguments',
  'eval',
  'await',
  'yield',
  'static',
  'let',
  'package',
  'interface',
  'private',
  'protected',
  'public',
  'implements',
])
