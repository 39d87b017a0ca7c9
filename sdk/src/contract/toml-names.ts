/** A bare name with a slash: of a table, or before an equals sign. */
const BARE_NAME = /^\s*(?:(\[\[?)\s*([^"'[\]#=]*\/[^"'[\]#=]*?)\s*\]|([^"'[\]#=\s]*\/[^"'[\]#=\s]*)\s*=)/

/**
 * The remedy for a line of weaver.toml that a TOML parser rejects because a component's name, which
 * contains a slash, is not quoted.
 * @param line of the text, from 1
 * @returns `undefined` if the line has no such name
 */
export function bareNameHint(text: string, line: number): string | undefined {
  const [, bracket, table, key] = BARE_NAME.exec(text.split('\n')[line - 1] ?? '') ?? []
  if (table !== undefined) return `a name with a slash needs quotes: ${bracket}"${table}"${bracket === '[[' ? ']]' : ']'}`
  return key === undefined ? undefined : `a name with a slash needs quotes: "${key}"`
}
