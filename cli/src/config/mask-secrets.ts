/**
 * Configuration as it may be shown. References to secrets (`${env:DB_PASSWORD}`) stay, as they say
 * where a secret is and not what it is. In doubt a text is masked.
 */

const MASK = '***'
const SECRET_KEY =
  /pass(?:word|wd|phrase)|pass$|pwd|secret|token|credential|authori[sz]ation|auth$|cookie|jwt|bearer|dsn$|connection.?string|(?:api|private|access|signing|encryption|account|secret).?key/i
const REFERENCE = /^\$\{(?:env|file):[^}]*\}$/
/** What precedes the host of a URL. It ends at the last `@`, as passwords hold `/` and `@` unescaped. */
const USER_INFO = /:\/\/([^\s"]*)@/g
const REFERRING_USER_INFO = /^(?:(?:[^:@/${}]*|\$\{(?:env|file):[^}]*\}):)?\$\{(?:env|file):[^}]*\}$/
/** `?key=value&key=value` */
const QUERY_VALUE = /([?&]([^=&?\s]+)=)([^&#\s"]*)/g
/** `Key=value;Key=value`, where a value may hold spaces, and `key=value key=value`. */
const PAIR_VALUE = /((?:^|[;\s])([^=;&?\n]{1,64})=\s*)("[^"]*"|'[^']*'|(?:(?!\s+[^\s=;]+\s*=)[^;\n])*)/g
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
  if (typeof value === 'string') return isSecret ? maskValue(value) : maskText(value)
  return isSecret && (typeof value === 'number' || typeof value === 'bigint') ? MASK : value
}

function maskValue(value: string): string {
  return REFERENCE.test(value) ? value : MASK
}

function maskText(text: string): string {
  const underKey = (all: string, before: string, key: string, value: string): string =>
    SECRET_KEY.test(key.trim()) ? `${before}${maskValue(value)}` : all
  return text
    .replaceAll(PRIVATE_KEY, MASK)
    .replaceAll(USER_INFO, (all, info: string) => (REFERRING_USER_INFO.test(info) ? all : `://${MASK}@`))
    .replaceAll(QUERY_VALUE, underKey)
    .replaceAll(PAIR_VALUE, underKey)
}
