// Writes docs/cli.md. Run by `npm run generate -w cli`.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { cliReference } from './dist/reference/cli-reference.js'

const path = fileURLToPath(new URL('../docs/cli.md', import.meta.url))
writeFileSync(path, await cliReference())
console.log(path)
