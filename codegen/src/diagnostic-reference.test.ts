import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { diagnosticReference } from './diagnostic-reference.js'

it('docs/generator-errors.md is made from the catalogue; `npm run generate -w codegen` writes it', async () => {
  const path = fileURLToPath(new URL('../../docs/generator-errors.md', import.meta.url))
  expect(readFileSync(path, 'utf8')).toBe(await format(diagnosticReference(), { ...(await resolveConfig(path)), parser: 'markdown' }))
})
