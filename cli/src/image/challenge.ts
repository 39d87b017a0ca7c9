/** One challenge of `WWW-Authenticate`: a way in which the server accepts credentials. */
export interface Challenge {
  /** In lower case. */
  readonly scheme: string
  /** By name, in lower case. */
  readonly parameters: Readonly<Record<string, string>>
}

const TOKEN = String.raw`[!#$%&'*+\-.^_\x60|~0-9A-Za-z]+`
const PARAMETER = new RegExp(String.raw`(${TOKEN})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|(${TOKEN})(?=[ \t]*(?:,|$)))`, 'y')
const SCHEME = new RegExp(String.raw`(${TOKEN})(?:[ \t]+[0-9A-Za-z\-._~+/]+=*(?=[ \t]*(?:,|$)))?`, 'y')
const BETWEEN = /[\s,]*/y

/**
 * Parses the grammar of RFC 9110, section 11.6.1: several challenges in one or several headers,
 * whose parameters are separated by the same comma as the challenges.
 * @param header as received; what does not fit the grammar is skipped
 */
export function parseChallenges(header: string | readonly string[] | undefined): readonly Challenge[] {
  const text = [header ?? []].flat().join(', ')
  const found: { readonly scheme: string; readonly parameters: Record<string, string> }[] = []
  let at = 0
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const match = pattern.exec(text)
    if (match !== null) at = pattern.lastIndex
    return match
  }
  for (;;) {
    take(BETWEEN)
    if (at >= text.length) return found
    const current = found.at(-1)
    const parameter = current === undefined ? null : take(PARAMETER)
    if (current !== undefined && parameter !== null) {
      const [, name = '', quoted, plain = ''] = parameter
      current.parameters[name.toLowerCase()] ??= quoted?.replaceAll(/\\(.)/g, '$1') ?? plain
      continue
    }
    const scheme = take(SCHEME)
    if (scheme === null) at++
    else found.push({ scheme: (scheme[1] ?? '').toLowerCase(), parameters: Object.create(null) as Record<string, string> })
  }
}
