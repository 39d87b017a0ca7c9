import { mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createHttpClient } from '../http/http-client.js'
import { packLayer } from '../image/layer.js'
import { MEDIA_TYPES, sha256, type ImageFormat } from '../image/oci.js'
import { parseReference } from '../image/reference.js'
import { RegistryClient } from '../image/registry-client.js'

/** Writes files (`path → text`) and links (`path → { link }`) below a new temporary folder. */
export async function makeTree(files: Readonly<Record<string, string | { readonly link: string }>>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'weaver-tree-'))
  for (const [path, content] of Object.entries(files)) {
    const target = join(root, path)
    await mkdir(dirname(target), { recursive: true })
    if (typeof content === 'string') await writeFile(target, content)
    else await symlink(content.link, target)
  }
  return root
}

export const GRAPH = {
  format: 1,
  generator: 'test',
  fingerprint: 'f'.repeat(64),
  components: [
    {
      name: 'shop/Cart',
      methods: [],
      refs: [],
      listeners: [],
      config: { type: 'object', properties: { size: { type: 'number' } }, additionalProperties: false },
    },
    { name: 'weaver/Main', methods: [], refs: ['shop/Cart'], listeners: ['lis'] },
  ],
} as const

/**
 * Does what `run()` does when asked to describe the application; the fixtures cannot import the
 * SDK.
 */
export const ANSWER_DESCRIBE = `if (process.env.WEAVER_DESCRIBE) {
  const { file } = JSON.parse(process.env.WEAVER_DESCRIBE)
  const { writeFileSync } = await import('node:fs')
  const config = { 'shop/Cart': { type: 'object', properties: { size: { type: 'number', maximum: 100 } }, additionalProperties: false } }
  writeFileSync(file, JSON.stringify({ format: 1, fingerprint: 'f'.repeat(64), config, problems: [] }))
  process.exit(0)
}
`

/**
 * An application with an installed dependency, a nested older version of it, a workspace, an
 * optional and a peer dependency.
 */
export async function makeApplication(): Promise<{ readonly root: string; readonly folder: string }> {
  const json = JSON.stringify
  const root = await makeTree({
    'node_modules/left/package.json': json({ name: 'left', version: '2.0.0', main: 'index.cjs' }),
    'node_modules/left/index.cjs': 'module.exports = "left 2"\n',
    'node_modules/left/README.md': '# left\n',
    'node_modules/right/package.json': json({
      name: 'right',
      version: '1.0.0',
      main: 'index.cjs',
      dependencies: { left: '^1' },
      peerDependencies: { zod: '*', absent: '*' },
      peerDependenciesMeta: { absent: { optional: true } },
    }),
    'node_modules/right/index.cjs': 'module.exports = "right over " + require("left")\n',
    'node_modules/right/node_modules/left/package.json': json({ name: 'left', version: '1.0.0', main: 'index.cjs' }),
    'node_modules/right/node_modules/left/index.cjs': 'module.exports = "left 1"\n',
    'node_modules/zod/package.json': json({ name: 'zod', version: '4.0.0' }),
    'node_modules/test-runner/package.json': json({ name: 'test-runner', version: '1.0.0' }),
    'node_modules/@acme/lib': { link: '../../lib' },
    'lib/package.json': json({
      name: '@acme/lib',
      version: '1.0.0',
      type: 'module',
      main: 'dist/index.js',
      files: ['dist', '!dist/*.test.js'],
      dependencies: { right: '*' },
      optionalDependencies: { 'only-on-mars': '*' },
    }),
    'lib/src/index.ts': 'export const x = 1\n',
    'lib/dist/index.js': 'import right from "right"\nexport default "lib over " + right\n',
    'lib/dist/index.test.js': 'throw 1\n',
    'lib/dist/.tsbuildinfo': '{}',
    'lib/node_modules/unused/package.json': json({ name: 'unused' }),
    'app/package.json': json({
      name: '@acme/shop',
      version: '1.0.0',
      type: 'module',
      dependencies: { '@acme/lib': '*', left: '^2' },
      devDependencies: { 'test-runner': '*' },
    }),
    'app/src/main.ts': 'source\n',
    'app/src/weaver.graph.json': json(GRAPH),
    'app/dist/main.js': `import left from "left"\nimport lib from "@acme/lib"\n${ANSWER_DESCRIBE}console.log(left + "; " + lib)\n`,
    'app/.env': 'SECRET=1\n',
  })
  return { root, folder: join(root, 'app') }
}

/** Pushes a small image of one layer to a registry. @returns its name */
export async function pushBaseImage(
  registry: string,
  options: {
    readonly repository?: string
    readonly format?: ImageFormat
    /** `amd64`, or `arm/v6` with a variant. */
    readonly architectures?: readonly string[]
    /** The index does not state the platforms of its images. */
    readonly isSilent?: boolean
    readonly client?: RegistryClient
    readonly cache: string
  },
): Promise<string> {
  const { repository = 'library/base', format = 'oci', architectures = ['amd64'] } = options
  const types = MEDIA_TYPES[format]
  const client = options.client ?? new RegistryClient({ http: createHttpClient({}), credentials: async () => ({ problems: [] }) })
  const target = parseReference(`${registry}/${repository}:1`)
  const data = Buffer.from('the base\n')
  const layer = await packLayer('base', [{ path: 'etc/base', content: { data }, size: data.length, isExecutable: false }], options.cache)
  await client.putBlob(target, layer.digest, { file: layer.file })
  const manifests = []
  for (const named of architectures) {
    const [architecture, variant] = named.split('/')
    const platform = { os: 'linux', architecture, ...(variant === undefined ? {} : { variant, 'os.features': ['odd'] }) }
    const config = Buffer.from(
      JSON.stringify({
        architecture,
        os: 'linux',
        ...(variant === undefined ? {} : { variant }),
        config: { Env: ['PATH=/usr/bin'], Entrypoint: ['docker-entrypoint.sh'], Cmd: ['node'] },
        rootfs: { type: 'layers', diff_ids: [layer.diffId] },
      }),
    )
    await client.putBlob(target, sha256(config), { data: config })
    const body = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: types.manifest,
        config: { mediaType: types.config, digest: sha256(config), size: config.length },
        layers: [{ mediaType: types.layer, digest: layer.digest, size: layer.size }],
      }),
    )
    const { tag: _tag, ...place } = target
    await client.putManifest(architectures.length === 1 ? target : { ...place, digest: sha256(body) }, { body, mediaType: types.manifest })
    manifests.push({
      mediaType: types.manifest,
      digest: sha256(body),
      size: body.length,
      ...(options.isSilent === true ? {} : { platform }),
    })
  }
  if (architectures.length > 1)
    await client.putManifest(target, {
      body: Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: types.index, manifests })),
      mediaType: types.index,
    })
  return `${registry}/${repository}:1`
}
