/**
 * Configuration as it may be shown. References to secrets (`${env:DB_PASSWORD}`) stay, as they say
 * where a secret is and not what it is.
 */

const MASK = '***'
const SECRET_KEY = /pass(?:word|wd|phrase)?$|secret|token|credential|api.?key|private.?key|access.?key|auth$|dsn$/i
const REFERENCE = /^\$\{(?:env|file):[^}]*\}$/
/** The password of a URL, and what precedes it. */
const URL_PASSWORD = /([a-z][a-z0-9+.-]*:\/\/[^\s:@/]*:)[^\s@/]+@/gi
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*/g

/** Masks texts under keys that name a secret, and secrets that texts hold wherever they stand. Pure. */
export function maskSecrets(config: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(config).map(([key, value]) => [key, mask(value, false)]))
}

/** @param isSecret a key above it says so */
function mask(value: unknown, isSecret: boolean): unknown {
  if (Array.isArray(value)) return value.map((one) => mask(one, isSecret))
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, mask(one, isSecret || SECRET_KEY.test(key))]))
  if (typeof value === 'string') {
    if (isSecret) return REFERENCE.test(value) ? value : MASK
    return value.replaceAll(URL_PASSWORD, `$1${MASK}@`).replaceAll(PRIVATE_KEY, MASK)
  }
  return isSecret && (typeof value === 'number' || typeof value === 'bigint') ? MASK : value
}
