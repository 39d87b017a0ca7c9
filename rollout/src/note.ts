const MAX_NOTE = 200

/**
 * Who asks and why, as histories, events and terminals can show it: one line of at most 200
 * characters, without control characters. Pure.
 */
export function commandNote(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim()
  return line.length <= MAX_NOTE ? line : `${line.slice(0, MAX_NOTE - 1)}…`
}
