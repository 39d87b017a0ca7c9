// Writes the CRD from the schema: the file of this package and its copy in the chart. Run by `npm run generate -w crds`.
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { weaverAppCrdYaml } from './dist/crd.js'

for (const target of ['./weaver.dev_weaverapps.yaml', '../charts/weaver-operator/files/weaver.dev_weaverapps.yaml']) {
  const path = fileURLToPath(new URL(target, import.meta.url))
  mkdirSync(fileURLToPath(new URL('.', new URL(target, import.meta.url))), { recursive: true })
  writeFileSync(path, weaverAppCrdYaml())
  console.log(path)
}
