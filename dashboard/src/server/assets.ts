/** The files that pages load: what `tsc` made of views/ and browser/, the style sheet, and the libraries as their packages ship them. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

export interface Asset {
  readonly type: string
  readonly body: Buffer
  readonly gzip: Buffer
  readonly etag: string
}

const SCRIPT = 'text/javascript; charset=utf-8'
const STYLE = 'text/css; charset=utf-8'

/** Bare names in scripts, as browsers find them. Relative to the page's base. */
export const IMPORT_MAP: string = JSON.stringify({
  imports: {
    preact: './assets/lib/preact.js',
    htm: './assets/lib/htm.js',
    'htm/preact': './assets/lib/htm-preact.js',
  },
})

/** By path below `assets/`. */
export function loadAssets(): ReadonlyMap<string, Asset> {
  const assets = new Map<string, Asset>()
  const add = (path: string, file: string, type: string): void => {
    const body = readFileSync(file)
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
    assets.set(path, { type, body, gzip: gzipSync(body, { level: 9 }), etag })
  }
  // From src/ as well as from dist/.
  const root = fileURLToPath(new URL('../..', import.meta.url))
  for (const folder of ['views', 'browser'])
    for (const name of readdirSync(join(root, 'dist', folder)))
      if (name.endsWith('.js')) add(`${folder}/${name}`, join(root, 'dist', folder, name), SCRIPT)
  add('dashboard.css', join(root, 'assets', 'dashboard.css'), STYLE)
  add('icon.svg', join(root, 'assets', 'icon.svg'), 'image/svg+xml')
  const { resolve } = createRequire(import.meta.url)
  const htm = dirname(resolve('htm'))
  add('lib/preact.js', resolve('preact'), SCRIPT)
  add('lib/htm.js', join(htm, 'htm.mjs'), SCRIPT)
  add('lib/htm-preact.js', join(htm, '..', 'preact', 'index.mjs'), SCRIPT)
  return assets
}
