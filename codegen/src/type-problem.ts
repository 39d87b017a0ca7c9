import type ts from 'typescript-api'
import type { DiagnosticCode } from './diagnostics.js'

export interface TypeProblem {
  readonly code: DiagnosticCode
  /** Begins with how the type was reached, such as `Cart.add(item).meta.callback`. */
  readonly message: string
  /** The innermost declaration on the way to it; absent when the way has none. */
  readonly node: ts.Node | undefined
  /** That cannot be sent, where it has a name or parts of its own. */
  readonly type: ts.Type | undefined
}

/** Of one type: what is wrong with a large one is wrong with all its members. */
const MAX_PROBLEMS = 5

/** The first few; the last of them says how many there are. */
export function firstOf(all: readonly TypeProblem[], path: string): readonly TypeProblem[] {
  const more = all.length - MAX_PROBLEMS
  const last = all[MAX_PROBLEMS - 1]
  if (more <= 0 || last === undefined) return all
  return [
    ...all.slice(0, MAX_PROBLEMS - 1),
    { ...last, message: `${last.message}; ${more} more problem${more === 1 ? '' : 's'} like these in ${path}` },
  ]
}
