/** An entry as a page gets it: what a process logs may be of any size. Pure. */
import type { LogEntry } from '@weaver/sdk/contract'

const MAX_TEXT = 4_000
const MAX_ATTRIBUTES = 50

export function cutEntry(entry: LogEntry): { readonly entry: LogEntry; readonly isCut?: true } {
  const attributes = Object.entries(entry.attributes)
  let isCut = attributes.length > MAX_ATTRIBUTES
  const cut = (text: string): string => {
    if (text.length <= MAX_TEXT) return text
    isCut = true
    return `${text.slice(0, MAX_TEXT)}…`
  }
  const cutValue = (value: unknown): unknown => {
    if (typeof value === 'string') return cut(value)
    const text = JSON.stringify(value) ?? ''
    return text.length <= MAX_TEXT ? value : cut(text)
  }
  const short: LogEntry = {
    ...entry,
    message: cut(entry.message),
    attributes: Object.fromEntries(attributes.slice(0, MAX_ATTRIBUTES).map(([name, value]) => [name.slice(0, 200), cutValue(value)])),
  }
  return isCut ? { entry: short, isCut } : { entry }
}
