import { z } from 'zod'
import { DEPLOYER_SECTIONS } from '../config/deployer-sections.js'
import { APPLICATION_SECTIONS, applicationSchema } from '../config/weaver-toml-schema.js'

/**
 * What `z.toJSONSchema` returns for the kinds of schema in weaver-toml-schema.ts, with the marks
 * that `meta` adds there.
 */
interface Shape {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly byDefault?: string
  readonly keyName?: string
  readonly format?: string
  readonly enum?: readonly string[]
  readonly minimum?: number
  readonly maximum?: number
  readonly items?: Shape
  readonly anyOf?: readonly Shape[]
  readonly properties?: Readonly<Record<string, Shape>>
  readonly required?: readonly string[]
  readonly additionalProperties?: Shape | false
}

/** A key of weaver.toml, for the reference. */
export interface TomlKey {
  /** `kube.listeners.LISTENER.port`, `kube.groups[].name` */
  readonly path: string
  readonly type: string
  readonly isRequired: boolean
  readonly byDefault?: string
  readonly description: string
}

export interface TomlSection {
  readonly name: string
  readonly keys: readonly TomlKey[]
}

/** Every key of every section, tables included to any depth. */
export function tomlSections(): readonly TomlSection[] {
  const sections = {
    [APPLICATION_SECTIONS[0]]: applicationSchema,
    ...DEPLOYER_SECTIONS,
  }
  return Object.entries(sections).map(([name, schema]) => ({ name, keys: keysOf(name, z.toJSONSchema(schema) as Shape) })) // see Shape
}

function keysOf(path: string, { properties = {}, required = [] }: Shape): readonly TomlKey[] {
  return Object.entries(properties).flatMap(([name, shape]) => keyOf(`${path}.${name}`, shape, required.includes(name)))
}

function keyOf(path: string, shape: Shape, isRequired: boolean): readonly TomlKey[] {
  const { description, byDefault, keyName } = shape
  const own =
    description === undefined
      ? []
      : [{ path, type: typeOf(shape), isRequired, description, ...(byDefault === undefined ? {} : { byDefault }) }]
  const inner =
    keyName === undefined ? (shape.anyOf?.find((one) => one.properties !== undefined) ?? shape) : asTable(shape.additionalProperties)
  const below = [
    ...keysOf(keyName === undefined ? path : `${path}.${keyName}`, inner),
    ...(shape.items === undefined ? [] : keysOf(`${path}[]`, shape.items)),
  ]
  // a key without a description would silently be missing from the reference
  if (own.length + below.length === 0) throw new Error(`"${path}" has no description; give it one in weaver-toml-schema.ts`)
  return [...own, ...below]
}

function asTable(shape: Shape | false | undefined): Shape {
  return shape === undefined || shape === false ? {} : shape
}

function typeOf(shape: Shape): string {
  if (shape.enum !== undefined) return shape.enum.map((value) => `\`"${value}"\``).join(', ')
  if (shape.anyOf !== undefined) return shape.anyOf.map(typeOf).join(' or ')
  if (typeof shape.type === 'object') return shape.type.join(' or ')
  switch (shape.type) {
    case 'array':
      return `list of ${plural(typeOf(shape.items ?? {}))}`
    case 'object':
      return shape.properties === undefined ? `table of ${plural(typeOf(asTable(shape.additionalProperties)))}` : 'table'
    case 'integer':
      return `integer${rangeOf(shape)}`
    case 'string':
      return shape.format === 'duration' ? 'duration' : 'string'
    default:
      return shape.type ?? 'value'
  }
}

function plural(type: string): string {
  return type
    .split(' or ')
    .map((one) => one.replace(/^[a-z]+/, '$&s'))
    .join(' or ')
}

/** ` 1–100`, ` ≥ 1` */
function rangeOf({ minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER }: Shape): string {
  const hasStart = minimum !== Number.MIN_SAFE_INTEGER
  const hasEnd = maximum !== Number.MAX_SAFE_INTEGER
  if (hasStart && hasEnd) return ` ${minimum}–${maximum}`
  return hasStart ? ` ≥ ${minimum}` : hasEnd ? ` ≤ ${maximum}` : ''
}
