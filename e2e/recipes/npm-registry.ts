/**
 * A registry of what is installed in this repository, at those versions: for an installation by
 * another package manager, without the network.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Folders of what is installed, by name and version: one name may be there in several versions. */
function installedPackages(): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly name?: string; readonly version?: string; readonly link?: true }>>
  }
  const found = new Map<string, Map<string, string>>()
  for (const [path, { name = path.split('node_modules/').at(-1) ?? '', version, link }] of Object.entries(lock.packages)) {
    if (!path.includes('node_modules/') || version === undefined || link === true) continue
    const folder = join(ROOT, path)
    if (!existsSync(join(folder, 'package.json'))) continue // of another platform
    found.set(name, (found.get(name) ?? new Map<string, string>()).set(version, folder))
  }
  return found
}

export interface NpmRegistry {
  readonly url: string
  close(): Promise<void>
}

export async function startNpmRegistry(): Promise<NpmRegistry> {
  const packages = installedPackages()
  const tarballs = new Map<string, Buffer>()
  const tarballOf = (folder: string): Buffer => {
    const packed = tarballs.get(folder) ?? pack(folder)
    tarballs.set(folder, packed)
    return packed
  }
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://registry').pathname).slice(1)
    const [name = '', file] = path.split('/-/')
    const versions = packages.get(name)
    const folder = file === undefined ? undefined : versions?.get(file.slice(0, -'.tgz'.length))
    if (versions === undefined || (file !== undefined && folder === undefined)) return void response.writeHead(404).end()
    if (folder !== undefined) return void response.end(tarballOf(folder))
    const manifests = [...versions].map(([version, at]) => {
      const manifest = JSON.parse(readFileSync(join(at, 'package.json'), 'utf8')) as object
      const integrity = `sha512-${createHash('sha512').update(tarballOf(at)).digest('base64')}`
      return [version, { ...manifest, name, dist: { tarball: `http://${request.headers.host}/${name}/-/${version}.tgz`, integrity } }]
    })
    const latest = [...versions.keys()].at(-1)
    // Published long ago: package managers hold back what is new.
    const time = Object.fromEntries([...versions.keys()].map((version) => [version, '2020-01-01T00:00:00.000Z']))
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ name, 'dist-tags': { latest }, versions: Object.fromEntries(manifests) as object, time }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, // of a TCP server
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function pack(folder: string): Buffer {
  const { status, stdout, stderr } = spawnSync('tar', ['--exclude=./node_modules', '--transform', 's,^\\.,package,', '-cf', '-', '.'], {
    cwd: folder,
    maxBuffer: 2 ** 28,
  })
  if (status !== 0) throw new Error(`"${folder}" cannot be packed: ${stderr.toString()}`)
  return gzipSync(stdout, { level: 0 })
}
