import { optionValue, type InterfaceSource } from './read-methods.js'
import type { SourceReader } from './source-reader.js'

/** The option `leader` of a component, which the deployer must know. */
export function readLeader(reader: SourceReader, from: InterfaceSource): 'version' | 'app' | undefined {
  const value = optionValue(reader, from, 'leader')
  if (value === undefined) return undefined
  const scope = reader.ts.isStringLiteralLike(value) ? value.text : undefined
  if (scope === 'version' || scope === 'app') return scope
  reader.report('WVG015', `leader of component "${from.name}" is not written in place as 'version' or 'app'`, value)
  return undefined
}
