// Writes docs/cli.md and weaver.schema.json. Run by `npm run generate -w cli`.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { cliReference } from './dist/reference/cli-reference.js'
import { weaverTomlJsonSchema } from './dist/reference/toml-json-schema.js'

const made = {
  '../docs/cli.md': await cliReference(),
  'weaver.schema.json': `${JSON.stringify(weaverTomlJsonSchema(), null, 2)}\n`,
}
for (const [file, text] of Object.entries(made)) {
  const path = fileURLToPath(new URL(file, import.meta.url))
  writeFileSync(path, text)
  console.log(path)
}
