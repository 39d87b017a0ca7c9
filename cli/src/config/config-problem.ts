import { nearestName } from '@weaver/crds'
import { cliError } from '../errors/catalogue.js'
import type { TomlPath, TomlPosition } from './toml-positions.js'
import { isWeaverError, type WeaverError } from '@weaver/sdk/contract'

/** One problem in a weaver.toml. */
export interface ConfigProblem extends TomlPosition {
  /** As written in TOML: `kube.listeners.lis.port`, `"httpserver/Reverser"`. */
  readonly key: string
  readonly message: string
  /** The remedy. */
  readonly hint: string
}

/** All problems as one error: one line each, `file:line:column: key: message; hint`. */
export function configInvalid(file: string, problems: readonly ConfigProblem[]): WeaverError {
  const sorted = [...problems].sort((a, b) => a.line - b.line || a.column - b.column)
  return cliError(
    'WEAVER_CLI_CONFIG_INVALID',
    sorted.map((p) => `${file}:${p.line}:${p.column}: ${p.key === '' ? '' : `${p.key}: `}${p.message}; ${p.hint}`).join('\n'),
    { details: { file, problems: sorted } },
  )
}

/** The problems of an error from {@link configInvalid}; rethrows any other error. */
export function problemsIn(error: unknown): readonly ConfigProblem[] {
  const problems = isWeaverError(error) ? error.details?.['problems'] : undefined
  if (!Array.isArray(problems)) throw error
  return problems as readonly ConfigProblem[] // configInvalid put them there
}

export function formatTomlPath(path: TomlPath): string {
  return path
    .map((part, i) => {
      if (typeof part === 'number') return `[${part}]`
      return (i === 0 ? '' : '.') + (/^[A-Za-z0-9_-]+$/.test(part) ? part : JSON.stringify(part))
    })
    .join('')
}

/** The remedy for an unknown name. */
export function unknownNameHint(name: string, known: readonly string[]): string {
  const near = nearestName(name, known)
  if (near !== undefined) return `did you mean "${near}"?`
  return known.length === 0 ? 'remove it' : `known are ${known.map((k) => `"${k}"`).join(', ')}`
}
