import { findTag, runtimeClass, signatureOf, type ObjectShape, type Shape } from './shape.js'

/**
 * Writes the codec functions of a generated file. Primitives become one call in place; every other shape gets a type and a pair of functions, once for each
 * structure, named after what the user called it.
 */
export class CodecEmitter {
  readonly #names = new Map<string, string>()
  readonly #objectNames = new Map<ObjectShape, string>()
  readonly #taken = new Set<string>()
  readonly #blocks: string[] = []
  /** What the generated code needs of `@weaver/sdk/internal`. */
  readonly imports = new Set<string>()

  /** Type declarations and functions, in order of need. */
  get text(): string {
    return this.#blocks.join('\n')
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
        return `w.bytes(${value})`
      case 'null':
      case 'undefined':
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
      case 'null':
        return 'null'
      case 'undefined':
        return 'undefined'
      default:
        return `read${this.#name(shape)}(r)`
    }
  }

  /** The TypeScript type of a shape, by the names of this file. */
  type(shape: Shape): string {
    switch (shape.kind) {
      case 'date':
        return 'Date'
      case 'bytes':
        return 'Uint8Array'
      case 'literals':
      case 'array':
      case 'tuple':
      case 'map':
      case 'set':
      case 'record':
      case 'object':
      case 'union':
        return this.#name(shape)
      default:
        return shape.kind
    }
  }

  #name(
    shape: Exclude<Shape, { readonly kind: 'string' | 'number' | 'boolean' | 'bigint' | 'date' | 'bytes' | 'null' | 'undefined' }>,
  ): string {
    if (shape.kind === 'object') {
      const known = this.#objectNames.get(shape)
      if (known !== undefined) return known
    }
    const signature = `${shape.kind} ${signatureOf(shape)}`
    const known = this.#names.get(signature)
    if (known !== undefined) {
      if (shape.kind === 'object') this.#objectNames.set(shape, known)
      return known
    }
    const name = this.#fresh(this.#wish(shape))
    this.#names.set(signature, name)
    if (shape.kind === 'object') this.#objectNames.set(shape, name)
    // Emitted after its parts are named, so that the file reads from the simple to the composed; a recursive one is named already.
    this.#blocks.push(this.#emit(shape, name))
    return name
  }

  #wish(shape: Shape): string {
    switch (shape.kind) {
      case 'object':
        return shape.name
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
        const rest = shape.members.filter((member) => member.kind !== 'null' && member.kind !== 'undefined')
        const [only] = rest
        return rest.length === 1 && only !== undefined ? `Maybe${this.#part(only)}` : 'Union'
      }
      default:
        return shape.kind
    }
  }

  #part(shape: Shape): string {
    const text = shape.kind === 'object' ? shape.name : shape.kind
    return text.slice(0, 1).toUpperCase() + text.slice(1)
  }

  #fresh(wish: string): string {
    let name = RESERVED.has(wish) ? `${wish}Value` : wish
    for (let n = 2; this.#taken.has(name); n++) name = `${wish}${n}`
    this.#taken.add(name)
    return name
  }

  #emit(shape: Shape, name: string): string {
    const body = this.#body(shape, name)
    return [
      body.declaration,
      `function write${name}(w: Writer, v: ${name}): void {`,
      ...indent(body.write),
      '}',
      `function read${name}(r: Reader): ${name} {`,
      ...indent(body.read),
      '}',
    ].join('\n')
  }

  #body(shape: Shape, name: string): CodecBody {
    switch (shape.kind) {
      case 'literals': {
        this.imports.add('literalIndex')
        this.imports.add('literalAt')
        const values = shape.values.map(literal).join(', ')
        const list = `LIST_OF_${name}`
        return {
          declaration: `const ${list} = [${values}] as const\ntype ${name} = (typeof ${list})[number]`,
          write: [`w.uint(literalIndex(${list}, v))`],
          read: [`return literalAt(${list}, r.uint())`],
        }
      }
      case 'array':
        return {
          declaration: `type ${name} = readonly ${parenthesised(this.type(shape.element))}[]`,
          write: ['w.length(v.length)', `for (const item of v) ${this.write(shape.element, 'item')}`],
          read: [
            `const items: ${parenthesised(this.type(shape.element))}[] = []`,
            `for (let left = r.length(); left > 0; left--) items.push(${this.read(shape.element)})`,
            'return items',
          ],
        }
      case 'set':
        return {
          declaration: `type ${name} = ReadonlySet<${this.type(shape.element)}>`,
          write: ['w.length(v.size)', `for (const item of v) ${this.write(shape.element, 'item')}`],
          read: [
            `const items = new Set<${this.type(shape.element)}>()`,
            `for (let left = r.length(); left > 0; left--) items.add(${this.read(shape.element)})`,
            'return items',
          ],
        }
      case 'map': {
        const types = `${this.type(shape.key)}, ${this.type(shape.value)}`
        return {
          declaration: `type ${name} = ReadonlyMap<${types}>`,
          write: [
            'w.length(v.size)',
            'for (const [key, item] of v) {',
            `  ${this.write(shape.key, 'key')}`,
            `  ${this.write(shape.value, 'item')}`,
            '}',
          ],
          read: [
            `const items = new Map<${types}>()`,
            'for (let left = r.length(); left > 0; left--) {',
            `  const key = ${this.read(shape.key)}`,
            `  items.set(key, ${this.read(shape.value)})`,
            '}',
            'return items',
          ],
        }
      }
      case 'record':
        return {
          declaration: `type ${name} = Readonly<Record<string, ${this.type(shape.value)}>>`,
          write: [
            'const entries = Object.entries(v)',
            'w.length(entries.length)',
            'for (const [key, item] of entries) {',
            '  w.string(key)',
            `  ${this.write(shape.value, 'item')}`,
            '}',
          ],
          read: [
            `const entries: [string, ${this.type(shape.value)}][] = []`,
            'for (let left = r.length(); left > 0; left--) {',
            '  const key = r.string()',
            `  entries.push([key, ${this.read(shape.value)}])`,
            '}',
            'return Object.fromEntries(entries)',
          ],
        }
      case 'tuple':
        return this.#tuple(shape, name)
      case 'object':
        return this.#object(shape, name)
      case 'union':
        return this.#union(shape, name)
      default:
        throw new Error(`${shape.kind} needs no function`)
    }
  }

  #tuple(shape: Extract<Shape, { readonly kind: 'tuple' }>, name: string): CodecBody {
    const { elements } = shape
    const required = elements.filter((element) => !element.isOptional)
    const types = elements.map((element) => `${parenthesised(this.type(element.shape))}${element.isOptional ? '?' : ''}`)
    if (required.length === elements.length)
      return {
        declaration: `type ${name} = readonly [${types.join(', ')}]`,
        write: elements.map((element, i) => this.write(element.shape, `v[${i}]`)),
        read: [`return [${elements.map((element) => this.read(element.shape)).join(', ')}]`],
      }
    return {
      declaration: `type ${name} = readonly [${types.join(', ')}]`,
      write: [
        'w.length(v.length)',
        ...elements.map((element, i) =>
          element.isOptional
            ? `if (v.length > ${i}) ${this.write(element.shape, `v[${i}] as ${this.type(element.shape)}`)}`
            : this.write(element.shape, `v[${i}]`),
        ),
      ],
      read: [
        'const size = r.length()',
        `const items: unknown[] = [${required.map((element) => this.read(element.shape)).join(', ')}]`,
        ...elements
          .slice(required.length)
          .map((element, i) => `if (size > ${required.length + i}) items.push(${this.read(element.shape)})`),
        `return items as unknown as ${name}`,
      ],
    }
  }

  #object(shape: ObjectShape, name: string): CodecBody {
    const required = shape.properties.filter((property) => !property.isOptional)
    const optional = shape.properties.filter((property) => property.isOptional)
    const fields = shape.properties.map(
      (p) => `  ${key(p.name)}${p.isOptional ? '?' : ''}: ${this.type(p.shape)}${p.isOptional ? ' | undefined' : ''}`,
    )
    const write = [
      ...required.map((p) => this.write(p.shape, member('v', p.name))),
      // 0 absent, 1 there, 2 there and undefined
      ...optional.flatMap((p) => [
        `if (${member('v', p.name)} !== undefined) {`,
        '  w.u8(1)',
        `  ${this.write(p.shape, member('v', p.name))}`,
        `} else w.u8(${JSON.stringify(p.name)} in v ? 2 : 0)`,
      ]),
    ]
    const literalFields = required.map((p) => `${key(p.name)}: ${this.read(p.shape)}`)
    const made = literalFields.length === 0 ? '{}' : `{ ${literalFields.join(', ')} }`
    const read = [
      ...(optional.length === 0 ? [`return ${made}`] : [`const v: ${name} = ${made}`]),
      ...optional.flatMap((p, i) => [
        `const has${i} = r.u8()`,
        `if (has${i} === 1) ${member('v', p.name)} = ${this.read(p.shape)}`,
        `else if (has${i} === 2) ${member('v', p.name)} = undefined`,
      ]),
      ...(optional.length === 0 ? [] : ['return v']),
    ]
    return {
      declaration: fields.length === 0 ? `type ${name} = Record<never, never>` : `interface ${name} {\n${fields.join('\n')}\n}`,
      write: write.length === 0 ? ['void w', 'void v'] : write,
      read: shape.properties.length === 0 ? ['void r', ...read] : read,
    }
  }

  #union(shape: Extract<Shape, { readonly kind: 'union' }>, name: string): CodecBody {
    this.imports.add('unionError')
    const { members } = shape
    const objects = members.filter((member_) => member_.kind === 'object')
    const tag = objects.length > 1 ? findTag(objects) : undefined
    const write: string[] = []
    members.forEach((member_, index) => {
      if (member_.kind === 'object' && tag !== undefined) return
      const type = this.type(member_)
      const cast =
        member_.kind === 'literals' || member_.kind === 'object' || member_.kind === 'record' || runtimeClass(member_) === 'array'
          ? ` as ${type}`
          : ''
      const needsValue = member_.kind !== 'null' && member_.kind !== 'undefined'
      write.push(
        `if (${TESTS[runtimeClass(member_) ?? 'object'].replaceAll('$', 'v')}) {`,
        `  w.u8(${index})`,
        ...(needsValue ? [`  return ${this.write(member_, `v${cast}`)}`] : ['  return']),
        '}',
      )
      if (['date', 'bytes', 'map', 'set'].includes(member_.kind))
        this.imports.add(`is${member_.kind === 'bytes' ? 'Uint8Array' : this.#part(member_)}`)
    })
    if (tag !== undefined) {
      write.push(
        `if (typeof v === 'object' && v !== null) {`,
        `  const tagged = v as ${objects.map((o) => this.type(o)).join(' | ')}`,
        `  switch (${member('tagged', tag.name)}) {`,
      )
      objects.forEach((object, i) =>
        write.push(
          `    case ${literal(tag.values[i] ?? '')}:`,
          `      w.u8(${members.indexOf(object)})`,
          `      return ${this.write(object, `tagged as ${this.type(object)}`)}`,
        ),
      )
      write.push('  }', '}')
    }
    write.push(`throw unionError(${JSON.stringify(name)}, v)`)
    const read = [
      'const member = r.u8()',
      'switch (member) {',
      ...members.flatMap((member_, index) => [`  case ${index}:`, `    return ${this.read(member_)}`]),
      '  default:',
      `    throw unionError(${JSON.stringify(name)}, member)`,
      '}',
    ]
    return { declaration: `type ${name} = ${members.map((member_) => this.type(member_)).join(' | ')}`, write, read }
  }
}

/** The type of a shape, and the bodies of its two functions. */
interface CodecBody {
  readonly declaration: string
  readonly write: readonly string[]
  readonly read: readonly string[]
}

/** How a value of each class is recognised: never by instanceof, a process may have several realms. */
const TESTS: Readonly<Record<NonNullable<ReturnType<typeof runtimeClass>>, string>> = {
  string: `typeof $ === 'string'`,
  number: `typeof $ === 'number'`,
  boolean: `typeof $ === 'boolean'`,
  bigint: `typeof $ === 'bigint'`,
  null: '$ === null',
  undefined: '$ === undefined',
  date: 'isDate($)',
  bytes: 'isUint8Array($)',
  map: 'isMap($)',
  set: 'isSet($)',
  array: 'Array.isArray($)',
  object: `typeof $ === 'object' && $ !== null && isPlainObject($)`,
}

/** Names that mean something in the generated file. */
const RESERVED = new Set([
  'Reader',
  'Writer',
  'WeaverGen',
  'Date',
  'Map',
  'Set',
  'Uint8Array',
  'ReadonlyMap',
  'ReadonlySet',
  'Record',
  'Readonly',
  'Object',
  'Array',
  'Promise',
  'Error',
  'ReturnType',
])

const literal = (value: string | number | boolean): string =>
  typeof value === 'string'
    ? `'${value.replace(/[\\'\n\r\u2028\u2029]/g, (c) => (c === "'" || c === '\\' ? `\\${c}` : `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`))}'`
    : String(value)
const isName = (name: string): boolean => /^[A-Za-z_$][\w$]*$/.test(name)
const key = (name: string): string => (isName(name) ? name : literal(name))
const member = (of: string, name: string): string => (isName(name) ? `${of}.${name}` : `${of}[${literal(name)}]`)
const parenthesised = (type: string): string => (/[ |]/.test(type) ? `(${type})` : type)
const indent = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`)
