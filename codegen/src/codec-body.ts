/**
 * The type of a shape and the bodies of its two functions, one rule per kind. Loops over elements
 * allocate no closure and copy nothing.
 */
import type { CodecParts } from './codec-parts.js'
import { call, indent, key, list, literal, member, parenthesised, unionType } from './layout.js'
import { memberTest, narrowed } from './member-test.js'
import {
  describeShape,
  findTag,
  takesNoBytes,
  type NamedShape,
  type ObjectShape,
  type Shape,
  type TupleShape,
  type UnionShape,
} from './shape.js'

export interface CodecBody {
  readonly declaration: readonly string[]
  readonly write: readonly string[]
  readonly read: readonly string[]
}

export function codecBody(shape: NamedShape, name: string, parts: CodecParts): CodecBody {
  switch (shape.kind) {
    case 'literals': {
      if (shape.isOpen === true)
        return {
          declaration: unionType(name, shape.values.map(literal)),
          write: ['w.number(v)'],
          read: [`return r.number() as ${name}`],
        }
      parts.imports.add('literalIndex').add('literalAt')
      const values = `LIST_OF_${name}`
      return {
        declaration: [
          ...list(`const ${values} = `, shape.values.map(literal), { after: ' as const' }),
          `type ${name} = (typeof ${values})[number]`,
        ],
        write: [`w.uint(literalIndex(${values}, v))`],
        read: [`return literalAt(${values}, r.uint())`],
      }
    }
    case 'array': {
      const type = parenthesised(parts.type(shape.element))
      return {
        declaration: [`type ${name} = readonly ${type}[]`],
        write: ['w.list(v)', writeElements('v.length', shape.element, parts)],
        read: [
          `const items: ${type}[] = []`,
          ...readElements('let left = r.length(); left > 0; left--', shape.element, { parts, to: 'items.push' }),
          'return items',
        ],
      }
    }
    case 'set': {
      const type = parts.type(shape.element)
      return {
        declaration: [`type ${name} = ReadonlySet<${type}>`],
        write: ['w.set(v)', writeElements('v.size', shape.element, parts)],
        read: [
          `const items = new Set<${type}>()`,
          ...readElements('let left = r.length(); left > 0; left--', shape.element, { parts, to: 'items.add' }),
          'return items',
        ],
      }
    }
    case 'map': {
      const types = `${parts.type(shape.key)}, ${parts.type(shape.value)}`
      const isEmpty = takesNoBytes(shape.key) && takesNoBytes(shape.value)
      return {
        declaration: [`type ${name} = ReadonlyMap<${types}>`],
        write: [
          'w.map(v)',
          'for (const [key, item] of v) {',
          ...indent(isEmpty ? ['w.u8(0)'] : []),
          ...indent(
            shape.key.kind === 'string' && shape.value.kind === 'string'
              ? ['w.string2(key, item)']
              : [parts.write(shape.key, 'key'), parts.write(shape.value, 'item')],
          ),
          '}',
        ],
        read: [
          `const items = new Map<${types}>()`,
          'for (let left = r.length(); left > 0; left--) {',
          ...indent(isEmpty ? ['r.u8()'] : []),
          `  const key = ${shape.key.kind === 'string' ? 'r.key()' : parts.read(shape.key)}`,
          `  items.set(key, ${parts.read(shape.value)})`,
          '}',
          'return items',
        ],
      }
    }
    case 'record': {
      const type = parts.type(shape.value)
      parts.imports.add('setKey')
      return {
        // an interface, because a type alias cannot refer to itself through Record
        declaration: [`interface ${name} {`, `  readonly [key: string]: ${type}`, '}'],
        write: [
          'const keys = w.keys(v)',
          'for (const key of keys) {',
          '  w.string(key)',
          ...indent(statement(shape.value, `v[key] as ${type}`, parts)),
          '}',
        ],
        read: [
          `const v: Record<string, ${type}> = {}`,
          'for (let left = r.length(); left > 0; left--) {',
          '  const key = r.key()',
          `  setKey(v, key, ${parts.read(shape.value)})`,
          '}',
          'return v',
        ],
      }
    }
    case 'instance': {
      const codec = parts.importOf(shape.codec)
      return {
        declaration: [`type ${name} = InstanceOf<typeof ${codec}>`],
        write: [
          `const plain = ${codec}.toPlain(v as never) as unknown as PlainOf<typeof ${codec}, ${parts.type(shape.plain)}>`,
          parts.write(shape.plain, 'plain'),
        ],
        // `never`: the plain type of this file and the user's are the same structure under two
        // names
        read: [`return ${codec}.fromPlain(${parts.read(shape.plain)} as never) as unknown as ${name}`],
      }
    }
    case 'tuple':
      return tupleBody(shape, name, parts)
    case 'object':
      return objectBody(shape, name, parts)
    case 'union':
      return unionBody(shape, name, parts)
  }
}

/**
 * Writes an element of a list. It takes at least one byte, so a length cannot exceed the size of
 * the message, which `Reader.length` relies on.
 */
function writeElement(shape: Shape, value: string, parts: CodecParts): string {
  return takesNoBytes(shape) ? 'w.u8(0)' : parts.write(shape, value)
}

function writeElements(count: string, shape: Shape, parts: CodecParts): string {
  const loop = takesNoBytes(shape) ? `let left = ${count}; left > 0; left--` : 'const item of v'
  return `for (${loop}) ${writeElement(shape, 'item', parts)}`
}

function readElements(loop: string, shape: Shape, how: { readonly parts: CodecParts; readonly to: string }): string[] {
  const read = `${how.to}(${how.parts.read(shape)})`
  return takesNoBytes(shape) ? [`for (${loop}) {`, '  r.u8()', `  ${read}`, '}'] : [`for (${loop}) ${read}`]
}

/** Writes parts one after the other, up to four consecutive strings in one call. */
function writeAll(written: readonly { readonly shape: Shape; readonly value: string }[], parts: CodecParts): string[] {
  const lines: string[] = []
  for (let at = 0; at < written.length;) {
    let end = at
    while (end < written.length && end < at + 4 && written[end]?.shape.kind === 'string') end++
    const part = written[at] as (typeof written)[number] // at < length
    if (end - at > 1) {
      const values = written.slice(at, end).map(({ value }) => value)
      lines.push(...call(`w.string${values.length}`, values, { at: 2 }))
    } else lines.push(...statement(part.shape, part.value, parts))
    at = Math.max(end, at + 1)
  }
  return lines
}

/** Writes a part; nothing for shapes with a single value, which take no bytes. */
function statement(shape: Shape, value: string, parts: CodecParts): string[] {
  return shape.kind === 'null' || shape.kind === 'undefined' ? [] : [parts.write(shape, value)]
}

/** `[A, B?, ...C[]]`. */
export function tupleType({ elements, rest, trailing }: TupleShape, parts: Pick<CodecParts, 'type'>): string {
  const types = [
    ...elements.map((element) => `${parenthesised(parts.type(element.shape))}${element.isOptional ? '?' : ''}`),
    ...(rest === undefined ? [] : [`...${parenthesised(parts.type(rest))}[]`]),
    ...trailing.map((shape) => parts.type(shape)),
  ]
  return `[${types.join(', ')}]`
}

/**
 * The elements of a tuple as properties; sdk/src/component/sent.ts, I4, says why not as a tuple.
 */
function places(elements: TupleShape['elements'], parts: CodecParts, length?: 'number'): string[] {
  const required = elements.filter((element) => !element.isOptional).length
  const lengths = Array.from({ length: elements.length - required + 1 }, (_, i) => required + i)
  return [
    ...elements.map(({ shape, isOptional }, i) => `${i}${isOptional ? '?' : ''}: ${parts.type(shape)}`),
    `length: ${length ?? lengths.join(' | ')}`,
  ]
}

function tupleBody({ elements, rest, trailing }: TupleShape, name: string, parts: CodecParts): CodecBody {
  const required = elements.filter((element) => !element.isOptional)
  if (required.length === elements.length && rest === undefined)
    return {
      declaration: [`interface ${name} {`, ...indent(places(elements, parts)), '}'],
      write: [
        `w.tuple(v, ${elements.length})`,
        ...writeAll(
          elements.map((element, i) => ({ shape: element.shape, value: `v[${i}]` })),
          parts,
        ),
      ],
      read:
        elements.length === 0
          ? [`return [] as unknown as ${name}`]
          : list(
              'return ',
              elements.map((element) => parts.read(element.shape)),
              { at: 2 },
            ),
    }
  const as = (shape: Shape): string => `as ${parts.type(shape)}`
  const optional = elements.slice(required.length)
  const end = trailing.map((shape) => ({ shape, isOptional: false }))
  return {
    declaration: [
      `interface ${name} {`,
      ...indent(
        rest === undefined
          ? places(elements, parts)
          : [
              'start: {',
              ...indent(places(elements, parts, 'number')),
              '}',
              `rest: ${parts.type(rest)}`,
              'end: {',
              ...indent(places(end, parts)),
              '}',
            ],
      ),
      '}',
    ],
    write: [
      'const items = v as unknown as readonly unknown[]',
      'w.list(items)',
      ...required.flatMap((element, i) => statement(element.shape, `items[${i}] ${as(element.shape)}`, parts)),
      ...optional.flatMap(({ shape }, i) =>
        statement(shape, `items[${required.length + i}] ${as(shape)}`, parts).map(
          (line) => `if (items.length > ${required.length + i}) ${line}`,
        ),
      ),
      ...(rest === undefined
        ? []
        : [
            `for (let i = ${elements.length}; i < items.length${trailing.length === 0 ? '' : ` - ${trailing.length}`}; i++) ${writeElement(rest, `items[i] ${as(rest)}`, parts)}`,
          ]),
      ...trailing.map((shape, i) => parts.write(shape, `items[items.length - ${trailing.length - i}] ${as(shape)}`)),
    ],
    read: [
      'const size = r.uint()',
      ...list(
        'const items: unknown[] = ',
        required.map((element) => parts.read(element.shape)),
        { at: 2 },
      ),
      ...optional.map(({ shape }, i) => `if (size > ${required.length + i}) items.push(${parts.read(shape)})`),
      ...(rest === undefined
        ? []
        : readElements(`let i = ${elements.length}; i < size${trailing.length === 0 ? '' : ` - ${trailing.length}`}; i++`, rest, {
            parts,
            to: 'items.push',
          })),
      ...trailing.map((shape) => `items.push(${parts.read(shape)})`),
      `return items as unknown as ${name}`,
    ],
  }
}

function objectBody(shape: ObjectShape, name: string, parts: CodecParts): CodecBody {
  const required = shape.properties.filter((property) => !property.isOptional)
  const optional = shape.properties.filter((property) => property.isOptional && property.shape.kind !== 'never')
  const fields = shape.properties.map(
    (p) =>
      `  ${key(p.name)}${p.isOptional ? '?' : ''}: ${parts.type(p.shape)}${p.isOptional && p.shape.kind !== 'undefined' && p.shape.kind !== 'never' ? ' | undefined' : ''}`,
  )
  if (fields.length === 0)
    return { declaration: [`interface ${name} {`, '  readonly [key: string]: never', '}'], write: [], read: ['return {}'] }
  const write = [
    ...writeAll(
      required.map((p) => ({ shape: p.shape, value: member('v', p.name) })),
      parts,
    ),
    // 0 absent, 1 present, 2 present and undefined
    ...optional.flatMap((p) => [
      `if (${member('v', p.name)} !== undefined) {`,
      '  w.u8(1)',
      ...indent(statement(p.shape, member('v', p.name), parts)),
      `} else w.u8(${literal(p.name)} in v ? 2 : 0)`,
    ]),
  ]
  const made = required.map((p) => `${key(p.name)}: ${parts.read(p.shape)}`)
  const start = optional.length === 0 ? 'return ' : `const v: ${name} = `
  const line = `  ${start}{ ${made.join(', ')} }`
  const first =
    made.length === 0 ? [`${start}{}`] : line.length <= 100 ? [line.trim()] : [`${start}{`, ...indent(made.map((text) => `${text},`)), '}']
  const read = [
    ...first,
    ...optional.flatMap((p, i) => [
      `const has${i} = r.u8()`,
      `if (has${i} === 1) ${member('v', p.name)} = ${parts.read(p.shape)}`,
      `else if (has${i} === 2) ${member('v', p.name)} = undefined`,
    ]),
    ...(optional.length === 0 ? [] : ['return v']),
  ]
  return { declaration: [`interface ${name} {`, ...fields, '}'], write, read }
}

function unionBody(shape: UnionShape, name: string, parts: CodecParts): CodecBody {
  parts.imports.add('unionError').add('memberError')
  // Messages use the user's name of the type: the codec's may exist in this file only.
  const title = describeShape(shape)
  const { members } = shape
  // One byte numbers up to 256 members.
  const width = members.length <= 256 ? 'u8' : 'uint'
  const objects = members.filter((part) => part.kind === 'object')
  const tag = objects.length > 1 ? findTag(objects) : undefined
  const isTagged = (part: Shape): boolean => tag !== undefined && part.kind === 'object'
  const write: string[] = []
  // Instances and Buffers are tested first: they are also objects and Uint8Arrays.
  const isFirst = (at: number): number => Number(members[at]?.kind === 'instance' || members[at]?.kind === 'buffer')
  const order = [...members.keys()].sort((a, b) => isFirst(b) - isFirst(a))
  for (const index of order) {
    const part = members[index]
    if (part === undefined || isTagged(part)) continue
    const hasBytes = part.kind !== 'null' && part.kind !== 'undefined'
    write.push(
      `if (${memberTest(part, parts)}) {`,
      `  w.${width}(${index})`,
      hasBytes ? `  return ${parts.write(part, narrowed(part, parts))}` : '  return',
      '}',
    )
  }
  if (tag !== undefined) {
    write.push(
      `if (typeof v === 'object' && v !== null) {`,
      `  const tagged = v as ${objects.map((object) => parts.type(object)).join(' | ')}`,
      `  switch (${member('tagged', tag.name)}) {`,
    )
    objects.forEach((object, i) =>
      write.push(
        ...(tag.values[i] ?? []).map((value) => `    case ${literal(value)}:`),
        `      w.${width}(${members.indexOf(object)})`,
        `      return ${parts.write(object, `tagged as ${parts.type(object)}`)}`,
      ),
    )
    parts.imports.add('tagError')
    write.push('    default:', `      throw tagError(${literal(title)}, ${literal(tag.name)}, v)`, '  }', '}')
  }
  write.push(`throw unionError(${literal(title)}, v)`)
  const read = [
    `const member = r.${width}()`,
    'switch (member) {',
    ...members.flatMap((part, index) => [`  case ${index}:`, `    return ${parts.read(part)}`]),
    '  default:',
    `    throw memberError(${literal(title)}, member)`,
    '}',
  ]
  return {
    declaration: unionType(
      name,
      members.map((part) => parts.type(part)),
    ),
    write,
    read,
  }
}
