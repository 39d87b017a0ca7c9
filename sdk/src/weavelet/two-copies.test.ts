/**
 * Real processes with two installed copies of the SDK: the application's and that of a package of
 * components.
 */
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SDK = fileURLToPath(new URL('../../', import.meta.url))
const TESTING = fileURLToPath(new URL('../../../testing/', import.meta.url))
const INSTALLED = fileURLToPath(new URL('../../../node_modules/', import.meta.url))

let folder: string
let first: string
let second: string
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'weaver-copies-')))
  first = install(SDK, join(folder, 'node_modules/@weaver/sdk'))
  second = install(SDK, join(folder, 'node_modules/shop-parts/node_modules/@weaver/sdk'))
  install(TESTING, join(folder, 'node_modules/@weaver/testing'))
  writeFileSync(join(folder, 'node_modules/shop-parts/package.json'), '{ "type": "module", "exports": "./index.js" }')
  writeFileSync(join(folder, 'node_modules/shop-parts/index.js'), `export { withContext } from '@weaver/sdk'`)
})
afterAll(() => rmSync(folder, { recursive: true }))

/** As a package manager does: files of the package, and links to what it depends on. */
function install(from: string, to: string): string {
  mkdirSync(to, { recursive: true })
  cpSync(join(from, 'package.json'), join(to, 'package.json'))
  cpSync(join(from, 'dist'), join(to, 'dist'), { recursive: true })
  const { dependencies } = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8')) as { readonly dependencies: object }
  for (const name of Object.keys(dependencies)) {
    const link = join(folder, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    rmSync(link, { force: true })
    symlinkSync(join(INSTALLED, name), link)
  }
  return to
}

const APP = `
import { context, run } from '@weaver/sdk'
const weaver = { format: 5, fingerprint: '${'0'.repeat(64)}', main: { refs: [], listeners: [] }, components: () => [] }
`
const MAIN = `class App { main() { console.log('main runs'); MORE } }\n`
const PARTS = `import { withContext } from 'shop-parts'\n`

function node(program: string, env: NodeJS.ProcessEnv = {}): Promise<{ readonly code: number; readonly text: string }> {
  const file = join(folder, 'main.mjs')
  writeFileSync(file, program)
  return new Promise((resolve) =>
    execFile(process.execPath, [file], { env: { PATH: process.env['PATH'], ...env } }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), text: stdout + stderr }),
    ),
  )
}

const main = (more = ''): string => APP + MAIN.replace('MORE', more)
const BOTH = (): string => `this process has 2 copies of @weaver/sdk: ${first} and ${second}`

it('an application with two copies does not start, and says where they are', async () => {
  const { code, text } = await node(`${PARTS}${main()}await run(App, weaver)`)
  expect(text).toContain('WEAVER_SDK_TWICE')
  expect(text).toContain(BOTH())
  expect(text).not.toContain('main runs')
  expect(code).toBe(1)
})

it('a describe run refuses them, so that a deployer does before it starts anything', async () => {
  const { code, text } = await node(`${PARTS}${main()}await run(App, weaver)`, { WEAVER_DESCRIBE: '{}' })
  expect(text).toContain(BOTH())
  expect(code).toBe(1)
})

it('a copy that is loaded when the application runs is refused where it is imported', async () => {
  const late = `import('shop-parts').catch((error) => { console.log(error.code, error.message); process.kill(process.pid, 'SIGTERM') })`
  const { code, text } = await node(`${main(late)}await run(App, weaver)`)
  expect(text).toContain(`main runs\nWEAVER_SDK_TWICE ${BOTH()}`)
  expect(code).toBe(0)
})

it('weaverTest() refuses them', async () => {
  const { code, text } = await node(`${PARTS}${APP}
import { weaverTest } from '@weaver/testing'
await weaverTest({ weaver }, async () => console.log('the body runs'))`)
  expect(text).toContain(BOTH())
  expect(text).not.toContain('the body runs')
  expect(code).toBe(1)
})

it('one copy that is loaded twice is one, as test runners that reset modules do', async () => {
  const again = `import('./node_modules/@weaver/sdk/dist/context/context.js?again')
    .then((other) => { console.log('is another module:', other.context !== context); process.kill(process.pid, 'SIGTERM') })`
  const { code, text } = await node(`${main(again)}await run(App, weaver)`)
  expect(text).toContain('is another module: true')
  expect(code).toBe(0)
})
