import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { OPERATOR_ERRORS } from './catalogue.js'
import { errorReference } from './error-reference.js'

const SOURCES = fileURLToPath(new URL('..', import.meta.url))
/** Its errors reach users of the operator as they are. */
const KUBE = fileURLToPath(new URL('../../../kube/src/', import.meta.url))

/** Codes that what is shipped gives to `operatorError` or to a class of its own. */
function raisedCodes(): readonly string[] {
  const files = [SOURCES, KUBE].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !/^testing\/|^errors\/(catalogue|error-reference)/.test(file))
      .map((file) => join(folder, file)),
  )
  expect(files.length).toBeGreaterThan(20)
  const codes = files.flatMap((file) => [
    ...readFileSync(file, 'utf8').matchAll(/(?:operatorError|super)\(\s*'(WEAVER_[A-Z_]+)'|new WeaverError\(\s*(\S+)/g),
  ])
  return [...new Set(codes.map(([, code, other = '']) => code ?? other))].sort()
}

describe("the operator's catalogue of errors", () => {
  it('has every code that the sources raise, and no other', () => {
    expect(raisedCodes()).toEqual(Object.keys(OPERATOR_ERRORS))
  })

  it('is what docs/operator-errors.md says; `npm run generate -w operator` writes it', () => {
    expect(readFileSync(join(SOURCES, '../../docs/operator-errors.md'), 'utf8')).toBe(errorReference())
  })
})
