import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * The command that builds the package of a file or folder, for messages: its script, else the
 * compiler.
 */
export function buildCommandFor(path: string): string {
  for (let folder = path; ; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json')
    if (existsSync(manifest)) return hasBuildScript(manifest) ? 'npm run build' : 'npx tsc'
    if (dirname(folder) === folder) return 'npx tsc'
  }
}

function hasBuildScript(manifest: string): boolean {
  try {
    const { scripts } = JSON.parse(readFileSync(manifest, 'utf8')) as { readonly scripts?: Readonly<Record<string, unknown>> }
    return typeof scripts?.['build'] === 'string'
  } catch {
    return false // the reader of the file reports what is wrong with it
  }
}
