import type ts from 'typescript-api'
import type { DiagnosticCode } from './diagnostics.js'

export interface TypeProblem {
  readonly code: DiagnosticCode
  /** Begins with the path to the type, such as `Cart.add(item).meta.callback`. */
  readonly message: string
  /** The innermost declaration on the path; absent if there is none. */
  readonly node: ts.Node | undefined
  /** The type that cannot be sent, if it has a name or parts of its own. */
  readonly type: ts.Type | undefined
}

/** Per type: a large type with one problem has it in all its members. */
const MAX_PROBLEMS = 5

/** The first few problems; the last message says how many there are in total. */
export function firstOf(all: readonly TypeProblem[], path: string): readonly TypeProblem[] {
  const more = all.length - MAX_PROBLEMS
  const last = all[MAX_PROBLEMS - 1]
  if (more <= 0 || last === undefined) return all
  return [
    ...all.slice(0, MAX_PROBLEMS - 1),
    { ...last, message: `${last.message}; ${more} more problem${more === 1 ? '' : 's'} like these in ${path}` },
  ]
}
