// Real processes: the built examples/factors, and small programs that do what an application should
// not.
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseGraph, type ComponentGraph } from '@weaver/sdk/contract'
import { buildExample } from '../../../scripts/build-example.js'
import { findGraph } from '../graph/package-graph.js'
import { ANSWER_DESCRIBE, makeTree } from '../testing/fixtures.js'
import { runWeaver } from '../testing/run-weaver.js'
import { makeShop } from '../testing/shop.js'
import { describedGraph } from './described-graph.js'

const EXAMPLE = fileURLToPath(new URL('../../../examples/factors', import.meta.url))
const GRAPH: ComponentGraph = parseGraph(
  JSON.stringify({
    format: 1,
    generator: 'test',
    fingerprint: 'ff',
    components: [{ name: 'shop/Cart', methods: [], refs: [], listeners: [], config: { type: 'object' } }],
  }),
)
const folders: string[] = []
async function tree(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await makeTree(files)
  folders.push(folder)
  return folder
}
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true })
})

describe('a built application', () => {
  let graph: ComponentGraph
  beforeAll(async () => {
    buildExample('factors')
    const found = await findGraph(EXAMPLE)
    if (found === undefined) throw new Error('the example has no graph')
    graph = found
  }, 300_000)
  const options = () => ({ folder: EXAMPLE, command: ['node', 'dist/main.js'], graph, env: process.env })

  it('tells bounds and defaults that the types do not have, and nothing else changes', async () => {
    const described = await describedGraph(options())
    const [was, is] = [graph, described].map(({ components }) => components.find(({ config }) => config !== undefined))
    expect(was?.config).toEqual({ type: 'object', properties: { cacheSize: { type: 'number' } } })
    expect(is?.config).toMatchObject({
      properties: { cacheSize: { type: 'integer', exclusiveMinimum: 0, default: 1_000 } },
      additionalProperties: false,
    })
    expect({ ...described, components: described.components.map(({ name }) => name) }).toEqual({
      ...graph,
      components: graph.components.map(({ name }) => name),
    })
  })

  it('is refused when it was built from other sources than the graph', async () => {
    await expect(describedGraph({ ...options(), graph: { ...graph, fingerprint: 'other' } })).rejects.toThrow(
      expect.objectContaining({ code: 'WEAVER_CLI_GENERATED_STALE', message: expect.stringContaining('npm run build') }),
    )
  })

  it('is not started by `weaver single deploy` with configuration that it would refuse; secrets are neither looked up nor shown', async () => {
    const name = graph.components.find(({ config }) => config !== undefined)?.name ?? ''
    const folder = await tree({})
    const deploy = async (section: string) => {
      await writeFile(
        join(folder, 'weaver.toml'),
        `[serviceweaver]\nname = "factors"\nbinary = ${JSON.stringify(join(EXAMPLE, 'dist/main.js'))}\n\n["${name}"]\n${section}\n`,
      )
      return runWeaver(['single', 'deploy', 'weaver.toml'], { cwd: folder, env: process.env })
    }
    const bad = await deploy('cacheSize = 0\ncachSize = "hunter2"')
    expect(bad).toMatchObject({ code: 2, stdout: '' })
    expect(bad.stderr).toContain(`weaver.toml:6:1: "${name}".cacheSize: is not more than 0; give more than 0`)
    expect(bad.stderr).toContain(`weaver.toml:7:1: "${name}".cachSize: is not a field of this configuration; did you mean "cacheSize"?`)
    expect(bad.stderr).not.toContain('hunter2')
    // The check lets the reference pass; the process, which alone may look it up, then ends by
    // itself.
    const started = await deploy('cacheSize = "${env:NO_SUCH_VARIABLE}"')
    expect(started.code).toBe(1)
    expect(started.stderr).toMatch(/the application cannot start: .*there is no environment variable "NO_SUCH_VARIABLE"/)
  })
})

it('`weaver kube deploy` refuses what the schema refuses before it looks for a cluster or builds anything', async () => {
  const shop = await makeShop()
  folders.push(shop)
  const deploy = async (size: string) => {
    await writeFile(join(shop, 'weaver.toml'), `[serviceweaver]\nname = "shop"\n\n["shop/Cart"]\nsize = ${size}\n`)
    return runWeaver(['kube', 'deploy', 'weaver.toml', '--repo', 'registry.invalid/team'], { cwd: shop, env: { HOME: shop } })
  }
  // the type of the schema says number; that it goes to 100 only the application knows
  expect(await deploy('101')).toEqual({
    code: 2,
    stdout: '',
    stderr: 'error WEAVER_CLI_CONFIG_INVALID: weaver.toml:5:1: "shop/Cart".size: is more than 100; give at most 100\n',
  })
  expect(await deploy('100')).toMatchObject({ code: 2, stderr: expect.stringContaining('there is no kubeconfig') })
})

it.each([
  ['kube deploy', ['kube', 'deploy', 'weaver.toml', '--repo', 'registry.invalid/team'], { code: 2, error: 'there is no kubeconfig' }],
  ['single deploy', ['single', 'deploy', 'weaver.toml'], { code: 0, error: undefined }],
])('`weaver %s` passes on what a describe run warns of', async (_, args, { code, error }) => {
  const shop = await makeShop()
  folders.push(shop)
  const warning = '"shop/Cart": "isOpen": z.coerce.boolean() takes every text but "" for true'
  const answer = ANSWER_DESCRIBE.replace('problems: []', `problems: [], warnings: [${JSON.stringify(warning)}]`)
  await writeFile(join(shop, 'dist/main.js'), answer)
  const { code: ended, stderr } = await runWeaver(args, { cwd: shop, env: { HOME: shop, XDG_STATE_HOME: join(shop, 'state') } })
  expect(stderr).toContain(`warning: ${warning}\n`)
  if (error !== undefined) expect(stderr).toContain(error)
  expect(ended).toBe(code)
})

describe('a program that is no application', () => {
  const describeProgram = async (main: string, more: { readonly timeoutMs?: number; readonly signal?: AbortSignal } = {}) =>
    describedGraph({ folder: await tree({ 'main.mjs': main }), command: ['node', 'main.mjs'], graph: GRAPH, env: process.env, ...more })
  const answer = (description: object): string =>
    `import { writeFileSync } from 'node:fs'\nwriteFileSync(JSON.parse(process.env.WEAVER_DESCRIBE).file, ${JSON.stringify(JSON.stringify(description))})`

  it.each([
    ['ends without a word', 'process.exitCode = 0', /ended with 0, and did not describe itself; does it call run\(App, weaver\)\?/],
    ['fails', 'throw new Error("no database")', /ended with 1, saying:[^]*Error: no database[^]*did not describe itself/],
    ['is of another release', answer({ format: 7 }), /format 7 is unknown, this release reads 1/],
    ['has problems', answer({ format: 1, fingerprint: 'ff', config: {}, problems: ['one', 'two'] }), /\n {2}- one\n {2}- two$/],
  ])('%s: the message says so', async (_, main, message) => {
    await expect(describeProgram(main)).rejects.toThrow(
      expect.objectContaining({ code: 'WEAVER_CLI_DESCRIBE_FAILED', message: expect.stringMatching(message) }),
    )
  })

  it('goes on for ever: it is ended, and the message says what to look for', async () => {
    await expect(describeProgram('setInterval(() => {}, 1000)', { timeoutMs: 1_500 })).rejects.toThrow(
      /did not end within 1\.5 s; modules, fields and constructors must not wait or keep anything running/,
    )
  })

  it('is waited for no longer when what it has started holds its stderr', async () => {
    const child = `const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 45000)'], { stdio: ['ignore', 'ignore', 'inherit'] })`
    const started = `import { spawn } from 'node:child_process'\n${child}\nchild.unref()\n`
    const before = Date.now()
    await expect(describeProgram(`${started}console.error('bye')`)).rejects.toThrow(/ended with 0, saying:\nbye\n/)
    await expect(describeProgram(`${started}child.ref()`, { timeoutMs: 1_000 })).rejects.toThrow(/did not end within 1 s/)
    expect(Date.now() - before).toBeLessThan(40_000)
  })

  it('ends with the reason of an abort, and does not start after one', async () => {
    const reason = new Error('enough')
    const late = new AbortController()
    const running = describeProgram('setInterval(() => {}, 1000)', { signal: late.signal })
    const timer = setTimeout(() => late.abort(reason), 300)
    await expect(running).rejects.toBe(reason)
    clearTimeout(timer)
    await expect(
      describedGraph({ folder: '/none', command: ['node', 'x'], graph: GRAPH, env: {}, signal: AbortSignal.abort(reason) }),
    ).rejects.toBe(reason)
  })

  it('is not run where nothing takes configuration, or where it is no script of node', async () => {
    const [node] = GRAPH.components
    const without = { ...GRAPH, components: node === undefined ? [] : [{ name: node.name, methods: [], refs: [], listeners: [] }] }
    expect(await describedGraph({ folder: '/', command: ['node', 'none.js'], graph: without, env: {} })).toBe(without)
    expect(await describedGraph({ folder: '/', command: ['./start.sh'], graph: GRAPH, env: {} })).toBe(GRAPH)
  })
})
