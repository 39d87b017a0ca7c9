import type { InterfaceSource } from './interface-source.js'
import { optionValue } from './read-methods.js'
import type { SourceReader } from './source-reader.js'

/** An option of a component whose value is one of a few words and must be known to the deployer. */
export function literalOption<W extends string>(
  reader: SourceReader,
  from: InterfaceSource,
  option: { readonly name: string; readonly words: readonly W[] },
): W | undefined {
  const value = optionValue(reader, from, option.name)
  if (value === undefined) return undefined
  const text = reader.ts.isStringLiteralLike(value) ? value.text : undefined
  const word = option.words.find((known) => known === text)
  if (word !== undefined) return word
  const words = option.words.map((known) => `'${known}'`).join(' or ')
  reader.report('WVG015', `${option.name} of component "${from.name}" is not written in place as ${words}`, value)
  return undefined
}
