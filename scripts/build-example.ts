import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Brings `examples/NAME/dist` up to date, which the runner "multi" and the deployers start. Does nothing where it is so already. */
export function buildExample(name: string): void {
  buildPackage(`examples/${name}`)
}

/** The same of any package of this repository, by its folder. */
export function buildPackage(folder: string): void {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const { status } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-b', folder], {
    cwd: root,
    stdio: 'inherit',
  })
  if (status !== 0) throw new Error(`"${folder}" does not build`)
}
