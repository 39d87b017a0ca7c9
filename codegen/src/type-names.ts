/** Names of types: those that users gave, and those of the language. */
import type ts from 'typescript-api'
import { TYPED_ARRAYS } from './shape.js'

/** What the user called a type, where that is a name for generated code. */
export function nameOf(type: ts.Type): { readonly name?: string } {
  const name = type.aliasSymbol?.name ?? type.getSymbol()?.name ?? ''
  return /^[A-Za-z_$][\w$]*$/.test(name) && !name.startsWith('__') && !LIBRARY_NAMES.has(name) ? { name } : {}
}

/** Of the language and of Node, besides arrays and tuples. */
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
