import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SDK_ERRORS } from './catalogue.js'
import { errorReference } from './error-reference.js'

const SOURCES = fileURLToPath(new URL('..', import.meta.url))
/** Quoted like codes, but names of environment variables. */
const ENVIRONMENT = [
  'WEAVER_BOOTSTRAP',
  'WEAVER_CONFIG',
  'WEAVER_DESCRIBE',
  'WEAVER_LOG_LEVEL',
  'WEAVER_METRICS',
  'WEAVER_SINGLE',
  'WEAVER_TRACES_PER_SECOND',
]

/**
 * Names in quotes (comments put them into backticks) in what is shipped: no test, and not the
 * catalogue itself.
 */
function quotedNames(): readonly string[] {
  const files = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.startsWith('errors'),
  )
  expect(files.length).toBeGreaterThan(20)
  const names = files.flatMap((file) => [...readFileSync(join(SOURCES, file), 'utf8').matchAll(/(['"])(WEAVER_[A-Z_]+)\1/g)])
  return [...new Set(names.map(([, , name]) => name ?? ''))].sort()
}

describe('the catalogue of errors', () => {
  it('has every code that the sources use, and no other', () => {
    expect(Object.keys(SDK_ERRORS)).toEqual(quotedNames().filter((name) => !ENVIRONMENT.includes(name)))
  })

  it('is what docs/errors.md says; `npm run generate -w sdk` writes it', () => {
    expect(readFileSync(join(SOURCES, '../../docs/errors.md'), 'utf8')).toBe(errorReference())
  })
})
