/**
 * docs/recipes.md, recipe by recipe: the files and the commands of the page, over the application
 * of docs/start.md.
 */
import { join } from 'node:path'
import { jest } from '@jest/globals'
import { startNpmRegistry } from './npm-registry.js'
import { blockOf, filesOf } from './page.js'
import { whileServing, Workshop, type Project } from './project.js'

const PAGE = 'recipes.md'
const MANIFEST = blockOf('start.md', { section: 'The files', language: 'json', index: 0 })
const TSCONFIG = blockOf('start.md', { section: 'The files', language: 'json', index: 1 })
/** The application of docs/start.md. */
const SHORTENER: Readonly<Record<string, string>> = { 'package.json': MANIFEST, 'tsconfig.json': TSCONFIG, ...filesOf('start.md') }
/** main.ts without `await` at its top. */
const WITHOUT_AWAIT = filesOf(PAGE, 'A bundle, by esbuild')

// Compilers, bundlers and package managers, one after the other: on a machine that is busy with
// other work each takes minutes.
jest.setTimeout(1_200_000)

let workshop: Workshop
/** Of most recipes: generated and compiled. */
let built: Project
beforeAll(async () => {
  workshop = new Workshop()
  workshop.fill()
  built = workshop.project(SHORTENER)
  await succeed(built, 'npx weaver generate\nnpx tsc')
})
afterAll(() => workshop?.close())

async function succeed(project: Project, lines: string): Promise<string> {
  const { code, output } = await project.run(lines)
  if (code !== 0) throw new Error(`ended with ${code}: ${lines}\n${output}`)
  return output
}

/** The program serves, through each of its components, and ends well. */
async function expectToServe(project: Project, command: readonly string[]): Promise<void> {
  const ended = await whileServing(project, command, async (origin) => {
    expect(await (await fetch(`${origin}/new?url=http://a.example`)).text()).toBe('x-1\n')
    const found = await fetch(`${origin}/x-1`, { redirect: 'manual' })
    expect([found.status, found.headers.get('location')]).toEqual([302, 'http://a.example'])
    // by `instanceof` of an error class, whose name a bundler may have changed
    expect(await (await fetch(`${origin}/none`)).text()).toBe('there is no link "none"\n')
  })
  expect(ended).toEqual({ code: 0, output: expect.any(String) as string })
}

/** The test of docs/start.md, with its processes started from a bundle. */
const testOf = (bundle: string): string => (SHORTENER['links.test.mjs'] ?? '').replace('./dist/main.js', bundle)

describe('a bundle, by esbuild', () => {
  const command = (index: number): string => blockOf(PAGE, { section: 'A bundle, by esbuild', language: 'sh', index })

  it('an ES module, with the banner', async () => {
    await succeed(built, command(0))
    await expectToServe(built, ['node', 'dist/main.mjs'])
    built.write({ 'bundle.test.mjs': testOf('./dist/main.mjs') })
    expect(await succeed(built, 'node --test --test-reporter=tap bundle.test.mjs')).toMatch(/^# pass 2$/m)
  })

  it('the banner is still needed: when this fails, take it out of the page', async () => {
    await succeed(built, command(0).replace(/--outfile=\S+ --banner.*/, '--outfile=dist/bare.mjs'))
    expect(await built.run('node dist/bare.mjs')).toEqual({ code: 1, output: expect.stringContaining('Dynamic require of "') as string })
  })

  it('CommonJS, without one', async () => {
    const project = workshop.project({ ...SHORTENER, ...WITHOUT_AWAIT })
    await succeed(project, `npx weaver generate\n${command(1)}`)
    await expectToServe(project, ['node', 'dist/main.cjs'])
    project.write({ 'bad.toml': '["shortener/Links"]\nprefx = "s-"\n' })
    // What goes wrong at the start is reported, although nobody awaits it.
    const refused = await project.run('WEAVER_CONFIG=bad.toml node dist/main.cjs')
    expect(refused).toEqual({ code: 1, output: expect.stringContaining('did you mean "prefix"') as string })
    expect(refused.output).not.toContain('UnhandledPromiseRejection')
  })
})

it('CommonJS', async () => {
  const manifest = JSON.stringify({ ...(JSON.parse(MANIFEST) as object), type: undefined })
  const project = workshop.project({ ...SHORTENER, ...WITHOUT_AWAIT, ...filesOf(PAGE, 'CommonJS'), 'package.json': manifest })
  await succeed(project, 'npx weaver generate\nnpx tsc')
  expect(project.read('dist/main.js')).toContain('require("@weaver/sdk")')
  await expectToServe(project, ['node', 'dist/main.js'])
  expect(await succeed(project, 'node --test --test-reporter=tap links.test.cjs')).toMatch(/^# pass 2$/m)
  const refused = await project.run('npx tsc --noEmit --module commonjs')
  expect(refused).toEqual({ code: 2, output: expect.stringContaining("Cannot find module '@weaver/sdk'") as string })
})

it('an application of `weaver init` installs, is checked, generates, builds, tests and runs at once', async () => {
  const registry = await startNpmRegistry()
  try {
    const outside = workshop.project({}, { isInstalled: false })
    await succeed(outside, 'npx weaver init shop --packages packages')
    const shop: Project = { ...outside, folder: join(outside.folder, 'shop') }
    outside.write({ 'shop/.npmrc': `registry=${registry.url}\ncache=${outside.folder}/cache\naudit=false\nfund=false\n` })
    const output = await succeed(outside, 'cd shop\nnpm install\nnpm test\nnpm run check')
    expect(output).toMatch(/^. pass 1$/m)
    expect(output).toContain('weaver.toml: nothing is wrong')
    // The first line of weaver.toml names a schema that is there.
    const [, schema = ''] = /^#:schema (\S+)\n/.exec(outside.read('shop/weaver.toml')) ?? []
    expect(JSON.parse(outside.read(join('shop', schema)))).toHaveProperty('properties.serviceweaver')
    outside.write({ 'shop/weaver.toml': outside.read('shop/weaver.toml').replaceAll('localhost:8080', 'localhost:0') })
    const ended = await whileServing(shop, ['weaver', 'single', 'deploy', 'weaver.toml'], async (origin) => {
      expect(await (await fetch(`${origin}/?name=Ada`)).text()).toBe('Hello, Ada! Visit 1.\n')
    })
    expect(ended.code).toBe(0)
    expect(await succeed(shop, 'npx weaver single logs shop')).toMatch(/serving[^]*greeted/)
    expect(await outside.run('npx weaver init shop')).toEqual({ code: 2, output: expect.stringContaining('nothing was written') as string })
  } finally {
    await registry.close()
  }
})

it('pnpm', async () => {
  const registry = await startNpmRegistry()
  try {
    const project = workshop.project({ ...SHORTENER, ...filesOf(PAGE, 'pnpm') }, { isInstalled: false })
    project.write({ '.npmrc': `registry=${registry.url}\nstore-dir=${project.folder}/store\n` })
    const output = await succeed(project, blockOf(PAGE, { section: 'pnpm', language: 'sh' }))
    expect(output).toMatch(/^. pass 2$/m)
    await expectToServe(project, ['node', 'dist/main.js'])
  } finally {
    await registry.close()
  }
})

it('vitest', async () => {
  built.write(filesOf(PAGE, 'vitest'))
  expect(await succeed(built, blockOf(PAGE, { section: 'vitest', language: 'sh' }))).toMatch(/Tests\s+3 passed/)
})

it('tsx', async () => {
  // By Node, as the command `tsx` ends by itself when the application takes long to stop.
  await expectToServe(built, ['node', '--import', 'tsx', 'src/main.ts'])
  built.write({
    'sources.test.mjs': (SHORTENER['links.test.mjs'] ?? '').replaceAll(/'\.\/dist\/(links|weaver\.gen)\.js'/g, "'./src/$1.ts'"),
  })
  expect(await succeed(built, 'node --import tsx --test --test-reporter=tap sources.test.mjs')).toMatch(/^# pass 2$/m)
})

it('Node alone', async () => {
  const sources = Object.entries(SHORTENER).filter(([file]) => file.startsWith('src/'))
  const erasable = sources.map(([file, text]) => [
    file,
    text
      .replaceAll(/from '(\.\/.*)\.js'/g, "from '$1.ts'")
      .replace('constructor(readonly linkCode: string) {', 'readonly linkCode: string\n  constructor(linkCode: string) {')
      .replace("this.name = 'NoSuchLink'", "this.name = 'NoSuchLink'\n    this.linkCode = linkCode"),
  ])
  const tsconfig = blockOf(PAGE, { section: 'Node alone', language: 'json' })
  const project = workshop.project({ ...SHORTENER, ...Object.fromEntries(erasable), 'tsconfig.json': tsconfig })
  const [generate = '', check = ''] = blockOf(PAGE, { section: 'Node alone', language: 'sh' }).split('\n')
  expect(await project.run(`${generate}\n${check}`)).toMatchObject({ code: 0 })
  await expectToServe(project, ['node', 'src/main.ts'])
})

it('TypeScript 7', async () => {
  const withTypes = TSCONFIG.replace('"strict": true', '"strict": true,\n    "types": ["node"]')
  built.write({ 'tsconfig.7.json': withTypes.replace('"include": ["src"]', '"include": ["src"], "exclude": ["src/**/*.test.ts"]') })
  expect(await succeed(built, 'tsc-7 --version')).toMatch(/^Version 7\./)
  await succeed(built, 'tsc-7 -p tsconfig.7.json --noEmit')
  // A stale file is an error of its `tsc`, too.
  const source = built.read('src/links.ts')
  built.write({ 'src/links.ts': source.replaceAll('shorten(url: string)', 'shorten(url: string, isShort?: boolean)') })
  const stale = await built.run('tsc-7 -p tsconfig.7.json --noEmit')
  built.write({ 'src/links.ts': source })
  expect(stale).toEqual({ code: expect.any(Number) as number, output: expect.stringContaining('run \\"weaver generate\\"') as string })
  expect(stale.code).not.toBe(0)
})

it('streams that take input', async () => {
  const project = workshop.project({ ...SHORTENER, ...filesOf(PAGE, 'Streams that take input') })
  // Main refers to it, so that the runner "multi" has a reason to start it
  const app = project.read('src/app.ts')
  project.write({
    'src/app.ts': app
      .replace('import { Links', "import { Uploads } from './uploads.js'\nimport { Links")
      .replace('readonly links = ref(Links)', 'readonly links = ref(Links)\n  readonly uploads = ref(Uploads)'),
  })
  await succeed(project, 'npx weaver generate\nnpx tsc')
  expect(await succeed(project, 'node --test --test-reporter=tap uploads.test.mjs')).toMatch(/^# pass 2$/m)
})
