/** An entry as a page gets it: what a process logs may be of any size. Pure. */
import type { LogEntry } from '@weaver/sdk/contract'

/** Characters: of the message or one attribute, of a name, and of all of them together. */
const MAX_TEXT = 4_000
const MAX_NAME = 200
const MAX_ENTRY = 16_000
const MAX_ATTRIBUTES = 50

export function cutEntry(entry: LogEntry): { readonly entry: LogEntry; readonly isCut?: true } {
  let left = MAX_ENTRY
  let isCut = false
  const cut = (text: string, most: number): string => {
    const kept = text.slice(0, Math.min(most, left))
    left -= kept.length
    if (kept.length === text.length) return text
    isCut = true
    return `${kept}…`
  }
  const cutValue = (value: unknown): unknown => {
    if (typeof value === 'string') return cut(value, MAX_TEXT)
    const text = JSON.stringify(value) ?? ''
    const kept = cut(text, MAX_TEXT)
    return kept === text ? value : kept
  }
  const { attributes: all, message, ...names } = entry
  const short = Object.fromEntries(Object.entries(names).map(([name, value]) => [name, cut(value, MAX_NAME)])) as typeof names // the same fields
  const shortMessage = cut(message, MAX_TEXT)
  const attributes: Record<string, unknown> = {}
  const given = Object.entries(all)
  for (const [name, value] of given.slice(0, MAX_ATTRIBUTES)) if (left > 0) attributes[cut(name, MAX_NAME)] = cutValue(value)
  isCut ||= Object.keys(attributes).length < given.length
  return isCut ? { entry: { ...short, message: shortMessage, attributes }, isCut } : { entry }
}
