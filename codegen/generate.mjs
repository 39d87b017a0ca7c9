// Writes docs/generator-errors.md. Run by `npm run generate -w codegen`.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { diagnosticReference } from './dist/diagnostic-reference.js'

const path = fileURLToPath(new URL('../docs/generator-errors.md', import.meta.url))
writeFileSync(path, await format(diagnosticReference(), { ...(await resolveConfig(path)), parser: 'markdown' }))
console.log(path)
