// Writes the reference of errors from the catalogue. Run by `npm run generate -w operator`.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { errorReference } from './dist/errors/error-reference.js'

const path = fileURLToPath(new URL('../docs/operator-errors.md', import.meta.url))
writeFileSync(path, errorReference())
console.log(path)
