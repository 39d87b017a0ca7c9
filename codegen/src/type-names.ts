/** Names of types: the users' and the language's. */
import type ts from 'typescript-api'
import { TYPED_ARRAYS } from './shape.js'

/** The user's name of a type, if it is usable in generated code. */
export function nameOf(type: ts.Type): { readonly name?: string } {
  const name = type.aliasSymbol?.name ?? type.getSymbol()?.name ?? ''
  return /^[A-Za-z_$][\w$]*$/.test(name) && !name.startsWith('__') && !LIBRARY_NAMES.has(name) ? { name } : {}
}

/** Types of the language and of Node, besides arrays and tuples. */
export const BUILT_INS: ReadonlySet<string> = new Set([
  ...TYPED_ARRAYS,
  ...'Buffer Date Map ReadonlyMap ReadonlySet Set Uint8Array'.split(' '),
])

const LIBRARY_NAMES = new Set([
  'Array',
  'Map',
  'Omit',
  'Partial',
  'Pick',
  'Readonly',
  'ReadonlyArray',
  'ReadonlyMap',
  'ReadonlySet',
  'Record',
  'Required',
  'Set',
])
