/** A bare name with a slash: of a table, or before an equals sign. */
const BARE_NAME = /^\s*(?:(\[\[?)\s*([^"'[\]#=]*\/[^"'[\]#=]*?)\s*\]|([^"'[\]#=\s]*\/[^"'[\]#=\s]*)\s*=)/

/**
 * What to do about a line of weaver.toml that a TOML parser refuses because the name of a component,
 * which has a slash, stands there without quotes.
 * @param line of the text, from 1
 * @returns `undefined`: the line has no such name
 */
export function bareNameHint(text: string, line: number): string | undefined {
  const [, bracket, table, key] = BARE_NAME.exec(text.split('\n')[line - 1] ?? '') ?? []
  if (table !== undefined) return `a name with a slash needs quotes: ${bracket}"${table}"${bracket === '[[' ? ']]' : ']'}`
  return key === undefined ? undefined : `a name with a slash needs quotes: "${key}"`
}
