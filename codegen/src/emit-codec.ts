import { codecBody } from './codec-body.js'
import type { CodecParts } from './codec-parts.js'
import { indent } from './layout.js'
import type { NameScope } from './name-scope.js'
import { signatureOf, type NamedShape, type Shape } from './shape.js'

/**
 * Writes the codec functions of a generated file. Primitives become one inline call; every other
 * shape gets a type and a pair of functions, once per structure, named after the user's type.
 */
export class CodecEmitter implements CodecParts {
  readonly #names = new Map<string, string>()
  readonly #byShape = new Map<Shape, string>()
  readonly #scope: NameScope
  readonly #blocks: string[] = []
  readonly #importOf: CodecParts['importOf']
  /** What the generated code imports from `@weaver/sdk/internal`. */
  readonly imports = new Set<string>()
  /** SDK types that the text written so far needs, besides those that every codec imports. */
  readonly importedTypes = new Set<string>()

  /**
   * @param importOf imports a value of the user's and returns its name in the file.
   * @param scope the names of the file.
   */
  constructor(importOf: CodecParts['importOf'], scope: NameScope) {
    this.#importOf = importOf
    this.#scope = scope
  }

  /** Type declarations and functions, in the order in which they are needed. */
  get text(): string {
    return this.#blocks.join('\n\n')
  }

  importOf(exported: { readonly file: string; readonly name: string }): string {
    return this.#importOf(exported)
  }

  /** A statement that writes `value`. */
  write(shape: Shape, value: string): string {
    switch (shape.kind) {
      case 'string':
        return `w.string(${value})`
      case 'number':
        return `w.number(${value})`
      case 'boolean':
        return `w.bool(${value})`
      case 'bigint':
        return `w.bigint(${value})`
      case 'date':
        return `w.date(${value})`
      case 'bytes':
      case 'buffer':
        return `w.bytes(${value})`
      case 'typedArray':
        this.imports.add('typedArrayBytes')
        return `w.bytes(typedArrayBytes(${value}, '${shape.name}'))`
      case 'null':
      case 'undefined':
      case 'never':
        return `void ${value}`
      default:
        return `write${this.#name(shape)}(w, ${value})`
    }
  }

  /** An expression that reads a value. */
  read(shape: Shape): string {
    switch (shape.kind) {
      case 'string':
        return 'r.string()'
      case 'number':
        return 'r.number()'
      case 'boolean':
        return 'r.bool()'
      case 'bigint':
        return 'r.bigint()'
      case 'date':
        return 'r.date()'
      case 'bytes':
        return 'r.bytes()'
      case 'buffer':
        return 'r.buffer()'
      case 'typedArray':
        this.imports.add('typedArrayOf')
        return `typedArrayOf(${shape.name}, r.bytes())`
      case 'null':
        return 'null'
      case 'undefined':
      case 'never':
        return 'undefined'
      default:
        return `read${this.#name(shape)}(r)`
    }
  }

  /** The TypeScript type of a shape, by its name in this file. */
  type(shape: Shape): string {
    switch (shape.kind) {
      case 'date':
        return 'Date'
      case 'bytes':
        return 'Uint8Array'
      case 'buffer':
        this.importedTypes.add('SentBuffer')
        return 'SentBuffer'
      case 'typedArray':
        return shape.name
      case 'string':
      case 'number':
      case 'boolean':
      case 'bigint':
      case 'null':
      case 'undefined':
      case 'never':
        return shape.kind
      default:
        return this.#name(shape)
    }
  }

  #name(shape: NamedShape): string {
    const before = this.#byShape.get(shape)
    if (before !== undefined) return before
    const signature = `${shape.kind} ${shape.kind === 'instance' ? `${shape.codec.file} ${shape.codec.name}` : signatureOf(shape)}`
    const known = this.#names.get(signature)
    if (known !== undefined) {
      this.#byShape.set(shape, known)
      return known
    }
    const name = this.#scope.takeType(this.#wish(shape))
    this.#names.set(signature, name)
    this.#byShape.set(shape, name)
    // Emitted after its parts are named, so that the file reads from simple to composed; a
    // recursive shape is named already.
    const body = codecBody(shape, name, this)
    this.#blocks.push(
      [
        ...body.declaration,
        '',
        `function write${name}(w: Writer, v: ${name}): void {`,
        ...indent([...unused(body.write, ['w', 'v']), ...body.write]),
        '}',
        '',
        `function read${name}(r: Reader): ${name} {`,
        ...indent([...unused(body.read, ['r']), ...body.read]),
        '}',
      ].join('\n'),
    )
    return name
  }

  #wish(shape: NamedShape): string {
    if (shape.name !== undefined) return shape.name
    switch (shape.kind) {
      case 'array':
        return `${this.#part(shape.element)}Array`
      case 'set':
        return `${this.#part(shape.element)}Set`
      case 'map':
        return `${this.#part(shape.key)}${this.#part(shape.value)}Map`
      case 'record':
        return `${this.#part(shape.value)}Record`
      case 'tuple':
        return 'Tuple'
      case 'literals':
        return 'Literal'
      case 'union': {
        const rest = shape.members.filter((part) => part.kind !== 'null' && part.kind !== 'undefined')
        const [only] = rest
        return rest.length === 1 && only !== undefined ? `Maybe${this.#part(only)}` : 'Union'
      }
      default:
        return 'Value'
    }
  }

  #part(shape: Shape): string {
    const text = 'name' in shape && shape.name !== undefined ? shape.name : shape.kind === 'object' ? 'Value' : shape.kind
    return text.slice(0, 1).toUpperCase() + text.slice(1)
  }
}

/**
 * `void w` for parameters that no line uses: the strictest compiler settings reject unused ones.
 */
function unused(lines: readonly string[], names: readonly string[]): string[] {
  return names.filter((name) => !lines.some((line) => new RegExp(`\\b${name}\\b`).test(line))).map((name) => `void ${name}`)
}
