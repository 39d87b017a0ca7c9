/** What npm would publish of each package, and an image would get of it: what its sources make, and nothing that only tests use. */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { listPackageFiles, readPackageJson } from '../cli/src/image/package-files.js'
import { pruneDist, workspaceFolders } from './prune-dist.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

interface Manifest {
  readonly name: string
  readonly private?: boolean
  readonly bin?: Readonly<Record<string, string>>
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>
  readonly dependencies?: Readonly<Record<string, string>>
}
const manifests = new Map(
  workspaceFolders().map((folder: string) => [folder, JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8')) as Manifest]),
)
const published = [...manifests].filter(([, manifest]) => manifest.private !== true)

/** Beside package.json, README, licence and what `tsc` makes of `src`. */
const WRITTEN_BY_HAND: Readonly<Record<string, readonly string[]>> = {
  cli: ['bin/weaver.js', 'weaver.schema.json'],
  crds: ['weaver.dev_weaverapps.yaml'],
  dashboard: ['assets/dashboard.css', 'assets/icon.svg'],
  sdk: ['testing/index.d.ts', 'testing/index.js'],
}
const FOR_TESTS = /\.(?:test|test-d|bench)\.ts$|^testing\/|(?:^|\/)testdata\//

/** What docs and manifests are made of. */
const FOR_DOCS: Readonly<Record<string, RegExp>> = {
  cli: /^reference\//,
  codegen: /^diagnostic-reference\./,
  crds: /^crd\./,
  sdk: /^errors\/error-reference\./,
}

function expectedOf(folder: string): readonly string[] {
  const src = join(ROOT, folder, 'src')
  const sources = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(
    (path) => path.endsWith('.ts') && !FOR_TESTS.test(path) && FOR_DOCS[folder]?.test(path) !== true,
  )
  const built = sources
    .map((path) => path.replace(/\.ts$/, ''))
    .flatMap((stem) => ['.js', '.js.map', '.d.ts'].map((end) => `dist/${stem}${end}`))
  return ['LICENSE', 'README.md', 'package.json', ...(WRITTEN_BY_HAND[folder] ?? []), ...built].sort()
}

let packed: ReadonlyMap<string, readonly string[]>
beforeAll(() => {
  // Incremental: nothing to do where the build is up to date, and never a stale one.
  const { status } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-b'], { cwd: ROOT, stdio: 'inherit' })
  if (status !== 0) throw new Error('the packages do not build')
  pruneDist()
  const { stdout, stderr } = spawnSync('npm', ['pack', '--dry-run', '--json', ...published.flatMap(([folder]) => ['-w', folder])], {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  if (stdout === '') throw new Error(stderr)
  const lists = JSON.parse(stdout) as readonly { readonly name: string; readonly files: readonly { readonly path: string }[] }[]
  packed = new Map(lists.map(({ name, files }) => [name, files.map(({ path }) => path).sort()]))
}, 900_000)

describe.each(published)('%s', (folder, manifest) => {
  it('publishes what its sources make, and no test code, test data or state of tools', () => {
    expect(packed.get(manifest.name)).toEqual(expectedOf(folder))
  })

  it('has the licence of this repository, and a README under its name', () => {
    expect(readFileSync(join(ROOT, folder, 'LICENSE'), 'utf8')).toBe(readFileSync(join(ROOT, 'LICENSE'), 'utf8'))
    expect(readFileSync(join(ROOT, folder, 'README.md'), 'utf8')).toMatch(`# ${manifest.name}\n`)
  })

  it('has in it every file that its doors and commands name', () => {
    const doors = Object.values(manifest.exports ?? {}).flatMap((door) =>
      typeof door === 'string' ? door : Object.entries(door).flatMap(([condition, path]) => (condition === '@weaver/source' ? [] : path)),
    )
    const named = [...doors, ...Object.values(manifest.bin ?? {})].map((path) => path.replace(/^\.\//, ''))
    expect(named.length).toBeGreaterThan(0)
    for (const path of named) expect(packed.get(manifest.name)).toContain(path)
  })
})

it('the docs tell of every package that an application must be given as a file', () => {
  const needed = Object.keys(manifests.get('cli')?.dependencies ?? {}).filter((name) => name.startsWith('@weaver/'))
  expect(needed).toContain('@weaver/sdk')
  const [start, recipes] = ['start.md', 'recipes.md'].map((page) => readFileSync(join(ROOT, 'docs', page), 'utf8'))
  for (const name of needed) {
    const folder = name.slice('@weaver/'.length)
    expect(start).toMatch(new RegExp(`^npm pack .*-w ${folder} `, 'm'))
    expect(start).toContain(`"${name}": "file:packages/weaver-${folder}-`)
    expect(recipes).toContain(`'${name}': file:packages/weaver-${folder}-`)
  }
})

it("the operator's image has of our packages what is published, and no other package", async () => {
  const folderOf = new Map([...manifests].map(([folder, { name }]) => [name, folder]))
  const inImage = new Set(['operator'])
  for (const folder of inImage)
    for (const name of Object.keys(manifests.get(folder)?.dependencies ?? {})) {
      const found = folderOf.get(name)
      if (found !== undefined) inImage.add(found)
    }
  expect([...inImage].sort()).toEqual(['crds', 'deployer', 'kube', 'operator', 'rollout', 'sdk'])
  for (const folder of inImage) {
    const files = await listPackageFiles(join(ROOT, folder), await readPackageJson(join(ROOT, folder)))
    const published = packed.get(manifests.get(folder)?.name ?? '')
    expect(files.map(({ path }) => path)).toEqual(published?.filter((path) => path !== 'README.md'))
  }
  // The Dockerfile, for releases, copies them one by one.
  const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8')
  const copied = [...dockerfile.matchAll(/^COPY --from=build \/src\/(\S+)\/dist /gm)].map(([, folder]) => folder)
  expect(copied.sort()).toEqual([...inImage].sort())
  expect(existsSync(join(ROOT, 'operator/dist/testing'))).toBe(false)
})
