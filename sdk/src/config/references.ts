/**
 * Secrets stay out of configuration: its texts may contain `${env:NAME}` or `${file:/path}`, which
 * the process that hosts the component replaces at its start. Deployers pass them on unchanged.
 *
 * I1  No message contains the value of a reference.
 */
import { readFileSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import { inspect } from 'node:util'

const REFERENCE = /\$(\$\{|\{([^}]*)\})/g
const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

export interface ReferenceSource {
  readonly env: Readonly<Record<string, string | undefined>>
  /** @throws any error: the file cannot be read */
  readFile(path: string): string
}

/** The environment and the files of this process. */
export const PROCESS_SOURCE: ReferenceSource = { env: process.env, readFile: (path) => readFileSync(path, 'utf8') }

export interface Resolved {
  readonly value: unknown
  /** One line each, with the key and never with a value. */
  readonly problems: readonly string[]
  /** The values of references: no message may contain them. */
  readonly secrets: readonly string[]
}

/**
 * Replaces every reference in the texts of a configuration, at any depth. `$${` stands for `${`.
 * The last line break of a file is dropped.
 * @param value the configuration; it is not changed
 */
export function resolveReferences(value: unknown, source: ReferenceSource = PROCESS_SOURCE): Resolved {
  const problems: string[] = []
  const secrets: string[] = []
  const textOf = (reference: string, path: readonly PropertyKey[]): string => {
    const found = lookUp(reference, source)
    if ('problem' in found) {
      problems.push(`${path.length === 0 ? '' : `"${path.map(String).join('.')}": `}${found.problem}`)
      return ''
    }
    if (found.text !== '') secrets.push(found.text)
    return found.text
  }
  const resolve = (given: unknown, path: readonly PropertyKey[]): unknown => {
    if (typeof given === 'string')
      return given.replace(REFERENCE, (_, all: string, reference: string | undefined) =>
        all === '${' ? '${' : textOf(reference ?? '', path),
      )
    if (Array.isArray(given)) return given.map((item, i) => resolve(item, [...path, i]))
    if (!isPlainObject(given)) return given
    return Object.fromEntries(Object.entries(given).map(([key, item]) => [key, resolve(item, [...path, key])]))
  }
  return { value: resolve(value, []), problems, secrets }
}

/**
 * I1: a foreign message, such as that of a schema's refinement, may quote its input, verbatim or as
 * a literal of a language.
 */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  const written = new Set(secrets.flatMap(writingsOf))
  return [...written].sort((a, b) => b.length - a.length).reduce((clean, secret) => clean.replaceAll(secret, '***'), text)
}

/**
 * Forms of a secret: verbatim, in JSON, in JSON within JSON, as `util.inspect` prints it, and in a
 * URL.
 */
function writingsOf(secret: string): readonly string[] {
  const json = jsonOf(secret)
  const encoded = secret.isWellFormed() ? [encodeURIComponent(secret)] : [] // others cannot be encoded
  return [secret, json, jsonOf(json), inspect(secret).slice(1, -1), ...encoded]
}

function jsonOf(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

function lookUp(reference: string, source: ReferenceSource): { readonly text: string } | { readonly problem: string } {
  const colon = reference.indexOf(':')
  const [kind, name] = colon < 0 ? [reference, ''] : [reference.slice(0, colon), reference.slice(colon + 1)]
  const quoted = `\${${reference}}`
  if (kind === 'env') {
    if (!ENV_NAME.test(name)) return { problem: `${quoted} names no environment variable; write it as \${env:NAME}` }
    const text = source.env[name]
    return text === undefined ? { problem: `${quoted}: there is no environment variable "${name}"; set it for this process` } : { text }
  }
  if (kind !== 'file')
    return { problem: `${quoted} is not a reference; use \${env:NAME} or \${file:/path}, and $\${ where the text itself is meant` }
  if (!isAbsolute(name)) return { problem: `${quoted} needs an absolute path, such as \${file:/run/secrets/key}` }
  try {
    return { text: source.readFile(name).replace(/\r?\n$/, '') }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException // fs sets it; other errors have none
    return { problem: `${quoted}: the file cannot be read (${code ?? 'unknown reason'}); mount it for this process` }
  }
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && (Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null) // prettier-ignore
}
