import type { CodecEmitter } from './emit-codec.js'
import { indent, key, signature } from './layout.js'
import type { ComponentModel, MethodModel } from './model.js'
import { tupleType } from './codec-body.js'

/**
 * An interface with the methods as their codecs know them. `bind` compares it with the one in the
 * sources (sdk/src/component/sent.ts).
 * @returns `undefined` if there are no methods
 */
export function emitMethodTypes(
  { methods }: ComponentModel,
  codecs: CodecEmitter,
  name: string,
): { readonly name: string; readonly lines: readonly string[] } | undefined {
  if (methods.length === 0) return undefined
  return { name, lines: [`interface ${name} {`, ...methods.flatMap((method) => indent(methodType(method, codecs))), '}'] }
}

function methodType(method: MethodModel, codecs: CodecEmitter): string[] {
  const parameters = method.parameters.map(({ name, kind, shape, isOptional }) => {
    const type = kind === 'rest' && shape.kind === 'tuple' ? tupleType(shape, codecs) : codecs.type(shape)
    return `${kind === 'rest' ? '...' : ''}${name}${isOptional ? '?' : ''}: ${kind === 'stream' ? `AsyncIterable<${type}>` : type}`
  })
  const result = codecs.type(method.result)
  return signature(key(method.name), parameters, method.isStream ? `AsyncIterable<${result}>` : result)
}
