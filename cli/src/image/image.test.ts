// The builder without an engine, against a real registry (Debian's docker-registry); skopeo is the
// second opinion on what was pushed.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cp, mkdtemp, readFile, rm, utimes, writeFile, chmod } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createHttpClient } from '../http/http-client.js'
import { HTPASSWD, startRegistry, type TestRegistry } from '../testing/docker-registry.js'
import { ANSWER_DESCRIBE, makeApplication, makeTree, pushBaseImage } from '../testing/fixtures.js'
import { packLayer } from './layer.js'
import { makeImage, parseEntrypoint } from './make-image.js'
import { RegistryClient } from './registry-client.js'
import type { FoundCredentials } from './registry-credentials.js'

const run = promisify(execFile)
let registry: TestRegistry
let other: TestRegistry
let app: { readonly root: string; readonly folder: string }
let cache: string
let base: string

beforeAll(async () => {
  ;[registry, other, app, cache] = await Promise.all([
    startRegistry(),
    startRegistry(),
    makeApplication(),
    mkdtemp(join(tmpdir(), 'weaver-cache-')),
  ])
  base = await pushBaseImage(registry.host, { cache })
})
afterAll(async () => {
  await Promise.all([registry.stop(), other.stop()])
  for (const folder of [app.root, cache]) await rm(folder, { recursive: true, force: true })
})

const build = (target: string, options: Partial<Parameters<typeof makeImage>[0]> = {}): ReturnType<typeof makeImage> =>
  makeImage({
    folder: app.folder,
    base,
    target,
    engine: 'none',
    env: { XDG_CACHE_HOME: cache, HOME: cache },
    onProgress: () => undefined,
    ...options,
  })
const inspect = async (name: string, ...flags: string[]): Promise<any> =>
  JSON.parse((await run('skopeo', ['inspect', '--tls-verify=false', ...flags, `docker://${name}`])).stdout)
const noCredentials = async (): Promise<FoundCredentials> => ({ problems: [] })

it('pushes an image that others can read, made to run as Weaver images do', async () => {
  const made = await build(`${registry.host}/team/shop`)
  expect(made.pinned).toMatch(new RegExp(`^${registry.host}/team/shop:[0-9a-f]{12}@sha256:[0-9a-f]{64}$`))
  expect(await inspect(made.reference)).toMatchObject({ Digest: made.digest, Os: 'linux', Architecture: 'amd64' })
  const { config, rootfs, created } = await inspect(made.reference, '--config')
  expect(config).toMatchObject({
    Entrypoint: ['node', 'dist/main.js'],
    WorkingDir: '/app',
    User: '1000:1000',
    Env: ['PATH=/usr/bin', 'NODE_ENV=production'],
    Labels: { 'weaver.dev/graph-fingerprint': 'f'.repeat(64), 'org.opencontainers.image.base.name': base },
  })
  expect(config.Cmd).toBeUndefined()
  expect(rootfs.diff_ids).toHaveLength(4)
  expect(created).toBe('1970-01-01T00:00:00Z')
})

it('puts the application, its production dependencies and its graph where they belong, and they run', async () => {
  const made = await build(`${registry.host}/team/run:1`)
  const folder = await mkdtemp(join(tmpdir(), 'weaver-unpacked-'))
  try {
    await run('skopeo', ['copy', '--src-tls-verify=false', `docker://${made.reference}`, `dir:${folder}/image`])
    const { layers } = JSON.parse(await readFile(`${folder}/image/manifest.json`, 'utf8')) as { layers: { digest: string }[] }
    const names: string[] = []
    for (const { digest } of layers.slice(1)) {
      const file = `${folder}/image/${digest.slice(7)}`
      names.push(...(await run('tar', ['-tzf', file])).stdout.trim().split('\n'))
      await run('tar', ['-xzf', file, '-C', folder])
      const listed = (await run('tar', ['-tvzf', file, '--numeric-owner', '--utc'])).stdout.trim().split('\n')
      for (const line of listed) {
        expect(line).toMatch(/^(drwxr-xr-x|-rw-r--r--|-rwxr-xr-x) 0\/0 +\d+ /)
        expect(line).toMatch(line.startsWith('d') ? / 1970-01-01 00:00 / : / (19[89]\d|200\d|201[01])-\d\d-\d\d /)
      }
    }
    expect(names.filter((name) => !name.endsWith('/')).sort()).toEqual([
      'app/dist/main.js',
      'app/node_modules/@acme/lib/dist/index.js',
      'app/node_modules/@acme/lib/package.json',
      'app/node_modules/left/README.md',
      'app/node_modules/left/index.cjs',
      'app/node_modules/left/package.json',
      'app/node_modules/right/index.cjs',
      'app/node_modules/right/node_modules/left/index.cjs',
      'app/node_modules/right/node_modules/left/package.json',
      'app/node_modules/right/package.json',
      'app/node_modules/zod/package.json',
      'app/package.json',
      'weaver/graph.json',
    ])
    expect((await run(process.execPath, ['dist/main.js'], { cwd: `${folder}/app` })).stdout).toBe('left 2; lib over right over left 1\n')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

it('gives the same digest for the same content: built anew, elsewhere, with other times and modes', async () => {
  const first = await build(`${registry.host}/same/a`)
  const copy = await mkdtemp(join(tmpdir(), 'weaver-copy-'))
  const coldCache = await mkdtemp(join(tmpdir(), 'weaver-cold-'))
  try {
    await cp(app.root, copy, { recursive: true, verbatimSymlinks: true })
    await utimes(join(copy, 'app/dist/main.js'), new Date(1e12), new Date(1e12))
    await chmod(join(copy, 'app/dist/main.js'), 0o600)
    const env = { XDG_CACHE_HOME: coldCache, HOME: coldCache }
    const second = await build(`${registry.host}/same/b`, { folder: join(copy, 'app'), env })
    expect(second.layers.map((layer) => layer.cached)).toEqual([false, false, false])
    expect(second.digest).toBe(first.digest)
    expect(second.reference.split(':').at(-1)).toBe(first.reference.split(':').at(-1))

    await writeFile(join(copy, 'app/dist/main.js'), `${ANSWER_DESCRIBE}console.log(2)\n`)
    const changed = await build(`${registry.host}/same/b`, { folder: join(copy, 'app'), env })
    expect(changed.digest).not.toBe(first.digest)
    expect(changed.reference).not.toBe(second.reference)
    expect(changed.layers.map((layer) => layer.cached)).toEqual([true, false, true])
  } finally {
    await rm(copy, { recursive: true, force: true })
    await rm(coldCache, { recursive: true, force: true })
  }
})

it('brings the base over from another registry, and mounts it within one', async () => {
  const lines: string[] = []
  await build(`${other.host}/far/shop:1`, { onProgress: (line) => lines.push(line) })
  expect(lines.filter((line) => line.startsWith('uploaded'))).toHaveLength(4)
  expect((await inspect(`${other.host}/far/shop:1`)).Layers).toHaveLength(4)
  lines.length = 0
  await build(`${registry.host}/near/shop:1`, { onProgress: (line) => lines.push(line) })
  expect(lines.filter((line) => line.startsWith('uploaded'))).toHaveLength(3)
})

it('builds for each platform of a base image that is wanted, and refuses one that it has not', async () => {
  const many = await pushBaseImage(registry.host, { repository: 'library/many', architectures: ['amd64', 'arm64', 's390x'], cache })
  const made = await build(`${registry.host}/team/many:1`, { base: many, architecture: 'arm64' })
  const index = await inspect(`${registry.host}/team/many:1`, '--raw')
  expect(index.manifests.map((m: any) => m.platform.architecture)).toEqual(['amd64', 'arm64'])
  expect(made.digest).toBe(`sha256:${createHash('sha256').update(JSON.stringify(index)).digest('hex')}`)
  expect(
    (await run('skopeo', ['inspect', '--tls-verify=false', '--override-arch', 'arm64', '--config', `docker://${made.reference}`])).stdout,
  ).toContain('"arm64"')
  await expect(build(`${registry.host}/team/many:2`, { base: many, platforms: ['linux/riscv64'] })).rejects.toMatchObject({
    code: 'WEAVER_CLI_REGISTRY',
    message: expect.stringMatching(/no platform "linux\/riscv64"; it has "linux\/amd64", "linux\/arm64", "linux\/s390x"/),
  })
})

it('refuses a platform that a base of one platform is not for', async () => {
  await expect(build(`${registry.host}/team/arm:1`, { platforms: ['linux/arm64'] })).rejects.toMatchObject({
    code: 'WEAVER_CLI_REGISTRY',
    message: `base image "${base}" has no platform "linux/arm64"; it has "linux/amd64"`,
  })
  await build(`${registry.host}/team/amd:1`, { platforms: ['linux/x86_64'] })
})

it('copies the whole platform of an image, so that two variants stay two', async () => {
  const arm = await pushBaseImage(registry.host, { repository: 'library/arm', architectures: ['amd64', 'arm/v6', 'arm/v7'], cache })
  await build(`${registry.host}/team/arm:1`, { base: arm, platforms: ['linux/arm/v6', 'linux/arm/v7', 'linux/arm/7'] })
  expect((await inspect(`${registry.host}/team/arm:1`, '--raw')).manifests.map((m: any) => m.platform)).toEqual(
    ['v6', 'v7'].map((variant) => ({ os: 'linux', architecture: 'arm', variant, 'os.features': ['odd'] })),
  )
  await expect(build(`${registry.host}/team/arm:2`, { base: arm, platforms: ['linux/arm/v5'] })).rejects.toThrow(
    'has no platform "linux/arm/v5"; it has "linux/amd64", "linux/arm/v6", "linux/arm/v7"',
  )
})

it('asks the images of an index that names no platforms', async () => {
  const silent = await pushBaseImage(registry.host, {
    repository: 'library/silent',
    architectures: ['amd64', 'arm64'],
    isSilent: true,
    cache,
  })
  await build(`${registry.host}/team/silent:1`, { base: silent, platforms: ['linux/arm64'] })
  expect(await inspect(`${registry.host}/team/silent:1`, '--override-arch', 'arm64')).toMatchObject({ Architecture: 'arm64' })
  const far = await pushBaseImage(registry.host, { repository: 'library/far', architectures: ['s390x', 'ppc64le'], cache })
  await expect(build(`${registry.host}/team/far:1`, { base: far, architecture: 'x64' })).rejects.toThrow(
    'has no platform "linux/amd64"; it has "linux/s390x", "linux/ppc64le". Name another with --platform',
  )
})

it('gives a file that changed another time, though its size is the same', async () => {
  const times: string[] = []
  const files = [...'ab'].map((text) => ({ path: 'app.js', content: { data: Buffer.from(text) }, size: 1, isExecutable: false }))
  for (const file of [...files, ...files]) {
    const cold = await mkdtemp(join(tmpdir(), 'weaver-cold-'))
    times.push((await run('tar', ['-tvzf', (await packLayer('x', [file], cold)).file, '--full-time', '--utc'])).stdout)
    await rm(cold, { recursive: true })
  }
  expect(times[0]).not.toBe(times[1])
  expect(times.slice(2)).toEqual(times.slice(0, 2))
})

it('warns of dependencies that are for other machines than the image, and of files that are not in it', async () => {
  const lines: string[] = []
  const native = await makeTree({
    'package.json': JSON.stringify({ name: 'n', dependencies: { tool: '*' } }),
    'dist/main.js': '',
    'dist/gone': { link: 'nowhere' },
    'mails/order/paid.html': '<p>',
    'tools/make.ts': '',
    'tests/page.html': '',
    'node_modules/tool/package.json': JSON.stringify({
      name: 'tool',
      optionalDependencies: { 'tool-linux-x64': '*', 'tool-linux-arm64': '*' },
    }),
    'node_modules/tool-linux-x64/package.json': JSON.stringify({ name: 'tool-linux-x64', os: ['linux'], cpu: ['x64'] }),
  })
  const both = await pushBaseImage(registry.host, { repository: 'library/both', architectures: ['amd64', 'arm64'], cache })
  const options = { folder: native, base: both, hasGraph: false, onProgress: (line: string) => lines.push(line) }
  await build(`${registry.host}/team/native:1`, { ...options, platforms: ['linux/amd64', 'linux/arm64'] })
  expect(lines.filter((line) => line.startsWith('warning: '))).toEqual([
    expect.stringMatching(/gone" is a link that leads nowhere/),
    expect.stringMatching(/mails" is not in the image; .*: "files": \["dist", "mails"\]$/),
    expect.stringMatching(/the image for linux\/arm64 has only "tool-linux-x64" for "tool".*`npm install --os linux --cpu arm64`/),
  ])
  await rm(native, { recursive: true })
})

it('keeps the kind of its base: Docker schema 2 upon Docker schema 2', async () => {
  const docker = await pushBaseImage(registry.host, { repository: 'library/docker', format: 'docker', cache })
  await build(`${registry.host}/team/docker:1`, { base: docker })
  const manifest = await inspect(`${registry.host}/team/docker:1`, '--raw')
  expect(new Set(manifest.layers.map((l: any) => l.mediaType))).toEqual(new Set(['application/vnd.docker.image.rootfs.diff.tar.gzip']))
  expect(manifest.mediaType).toBe('application/vnd.docker.distribution.manifest.v2+json')
})

it('carries a command and arguments, and no graph for what is no application', async () => {
  const made = await build(`${registry.host}/team/tool:1`, {
    entrypoint: parseEntrypoint('node --enable-source-maps dist/main.js'),
    args: ['--fast'],
    hasGraph: false,
  })
  expect(made.layers.map((layer) => layer.name)).toEqual(['dependencies', 'application'])
  expect((await inspect(made.reference, '--config')).config).toMatchObject({
    Entrypoint: ['node', '--enable-source-maps', 'dist/main.js'],
    Cmd: ['--fast'],
  })
})

describe('a registry with passwords', () => {
  let guarded: TestRegistry
  beforeAll(async () => {
    guarded = await startRegistry({ htpasswd: HTPASSWD })
  })
  afterAll(() => guarded.stop())

  it('gets those of docker login', async () => {
    const home = await mkdtemp(join(tmpdir(), 'weaver-docker-'))
    const auth = Buffer.from('ann:secret').toString('base64')
    await writeFile(join(home, 'config.json'), JSON.stringify({ auths: { [guarded.host]: { auth } } }))
    const made = await build(`${guarded.host}/team/shop:1`, { env: { XDG_CACHE_HOME: cache, HOME: cache, DOCKER_CONFIG: home } })
    expect(
      (await run('skopeo', ['inspect', '--tls-verify=false', '--creds', 'ann:secret', `docker://${made.reference}`])).stdout,
    ).toContain(made.digest)
    await rm(home, { recursive: true, force: true })
  })

  it('without any is an error that says what to do', async () => {
    await expect(build(`${guarded.host}/team/shop:2`)).rejects.toMatchObject({
      code: 'WEAVER_CLI_REGISTRY_AUTH',
      message: expect.stringContaining(`docker login ${guarded.host}`),
    })
  })
})

describe('an error', () => {
  it.each([
    ['a missing base image', { base: 'BASE/none:1' }, 'WEAVER_CLI_REGISTRY', /does not exist in its registry/],
    ['a registry that is not there', { target: '127.0.0.1:1/x:1' }, 'WEAVER_CLI_REGISTRY', /cannot be reached.*Is it running\?/],
    ['a bad name', { target: 'Registry.example/UPPER:1' }, 'WEAVER_CLI_IMAGE_REFERENCE', /is not an image name/],
    [
      'two platforms in one',
      { platforms: ['linux/amd64,linux/arm64'] },
      'WEAVER_CLI_USAGE',
      /is not a platform.*--platform may be repeated/,
    ],
    ['a main file that was not built', { entrypoint: ['node', 'dist/none.js'] }, 'WEAVER_CLI_NOT_BUILT', /`npx tsc`/],
  ])('%s is named with the remedy', async (_, options: Record<string, any>, code, message) => {
    const { target = `${registry.host}/team/shop:1`, ...rest } = options
    if (typeof rest['base'] === 'string') rest['base'] = rest['base'].replace('BASE', registry.host)
    await expect(build(target, rest)).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  })

  it('a blob that arrives damaged is refused', async () => {
    const client = new RegistryClient({ http: createHttpClient({}), credentials: noCredentials })
    const repository = { registry: registry.host, repository: 'library/base' }
    const data = Buffer.from('right')
    await expect(client.putBlob(repository, `sha256:${'0'.repeat(64)}`, { data })).rejects.toMatchObject({
      code: 'WEAVER_CLI_REGISTRY',
      message: expect.stringContaining('digest'),
    })
  })
})
