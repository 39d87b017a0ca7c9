import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { formatDiagnostic } from './diagnostics.js'
import { generate } from './generate.js'
import { fixtures, IMPORTS, type Fixture } from './testing/fixture.js'

const fixture = fixtures()

const GOOD = `${IMPORTS}export interface Good { m(): Promise<void> }
export const Good = component<Good>('test/Good')
export const goodImpl = implement(Good, class { async m() {} })
`

/** The settings of the fixture go to a project of their own; `tsconfig.json` is a text. */
function split(made: Fixture, name: string, tsconfig: unknown): void {
  const settings = JSON.parse(readFileSync(join(made.folder, 'tsconfig.json'), 'utf8')) as object
  made.write(name, JSON.stringify({ ...settings, include: ['src'] }))
  made.write('tsconfig.json', JSON.stringify(tsconfig))
}

describe('tsconfig.json that only refers to others', () => {
  const tools = JSON.stringify({ compilerOptions: { composite: true }, files: ['tool.ts'] })

  it.each([
    ['two projects', { files: [], references: [{ path: './tsconfig.tools.json' }, { path: './tsconfig.app.json' }] }],
    ['two projects, without "files"', { include: [], references: [{ path: './tsconfig.tools.json' }, { path: './tsconfig.app.json' }] }],
  ])('stands for the one whose sources import the SDK: %s', async (_, tsconfig) => {
    const made = fixture({ 'a.ts': GOOD })
    split(made, 'tsconfig.app.json', tsconfig)
    made.write('tsconfig.tools.json', tools)
    made.write('tool.ts', 'export const tool = 1\n')
    expect((await generate({ projectDir: made.folder })).diagnostics.map(formatDiagnostic)).toEqual([])
    expect((await generate({ projectDir: made.folder })).status).toBe('unchanged')
    // What it refers to is an input, too.
    writeFileSync(join(made.folder, 'tsconfig.app.json'), JSON.stringify({ include: ['src'] }))
    expect((await generate({ projectDir: made.folder })).diagnostics).toMatchObject([
      { code: 'WVG051', file: 'tsconfig.app.json', message: 'strictNullChecks is off' },
    ])
  })

  it('is refused where one of them is not there', async () => {
    const made = fixture({ 'a.ts': GOOD })
    split(made, 'tsconfig.app.json', { files: [], references: [{ path: './gone.json' }] })
    expect((await generate({ projectDir: made.folder })).diagnostics).toMatchObject([
      { code: 'WVG040', file: 'tsconfig.json', message: 'it refers to "gone.json", which does not exist' },
    ])
  })

  it('another one is taken by its name', async () => {
    const made = fixture({ 'a.ts': GOOD })
    split(made, 'tsconfig.app.json', { compilerOptions: { strict: false }, include: ['src'] })
    expect((await generate({ projectDir: made.folder })).diagnostics).toMatchObject([{ code: 'WVG051', file: 'tsconfig.json' }])
    expect((await generate({ projectDir: made.folder, tsconfig: 'tsconfig.app.json' })).status).toBe('written')
    expect((await generate({ projectDir: made.folder, tsconfig: 'tsconfig.app.json' })).status).toBe('unchanged')
    expect((await generate({ projectDir: made.folder })).status).toBe('failed') // it was not this one that found nothing to do
  })
})

it('what a list at the end of the file exports is exported', async () => {
  const made = fixture({
    'a.ts': `${IMPORTS}interface Alpha { m(): Promise<void> }
const alpha = component<Alpha>('test/Alpha')
const impl = implement(alpha, class implements Alpha { async m() {} })
interface Beta { m(of: Money): Promise<void> }
const Beta = component<Beta>('test/Beta')
const betaImpl = implement(Beta, class implements Beta { async m() {} })
class Money { cents = 1 }
const money = codec<Money, number>(Money, { toPlain: ({ cents }) => cents, fromPlain: () => new Money() })
interface Named { m(): Promise<void> }
const gamma = component<Named>('test/Gamma')
const gammaImpl = implement(gamma, class implements Named { async m() {} })
export { alpha, Beta, betaImpl, gamma as Named, gammaImpl, impl as alphaImpl, money, Money }
`,
  })
  expect((await generate({ projectDir: made.folder })).diagnostics.map(formatDiagnostic)).toEqual([])
  expect(made.typeErrors()).toEqual([])
})

it.each([
  ['allowImportingTsExtensions', { allowImportingTsExtensions: true }, './a.ts'],
  ['rewriteRelativeImportExtensions', { rewriteRelativeImportExtensions: true }, './a.ts'],
  ['neither', {}, './a.js'],
])('with %s the generated file imports sources as the project does, in syntax that can be stripped', async (_, settings, specifier) => {
  const made = fixture({ 'a.ts': GOOD })
  const tsconfig = JSON.parse(readFileSync(join(made.folder, 'tsconfig.json'), 'utf8')) as { readonly compilerOptions: object }
  made.write('tsconfig.json', JSON.stringify({ ...tsconfig, compilerOptions: { ...tsconfig.compilerOptions, ...settings } }))
  expect((await generate({ projectDir: made.folder })).diagnostics.map(formatDiagnostic)).toEqual([])
  expect(made.generated()).toContain(`from '${specifier}'`)
  expect(made.typeErrors({ ...settings, erasableSyntaxOnly: true })).toEqual([])
})

it('an application is run by Node alone, which strips the types: sources and the generated file as they are', async () => {
  const made = fixture({
    'words.ts': `import { component, implement } from '@weaver/sdk'
export interface Words { upper(words: readonly string[], more?: Map<string, Date>): Promise<string> }
export const Words = component<Words>('test/Words')
class WordsImpl implements Words { async upper(words: readonly string[]) { return words.join(' ').toUpperCase() } }
export const wordsImpl = implement(Words, WordsImpl)
`,
    'main.ts': `import { ref, run, type Main } from '@weaver/sdk'
import { weaver } from './weaver.gen.ts'
import { Words } from './words.ts'
class App implements Main {
  readonly words = ref(Words)
  async main() {
    process.stdout.write(await this.words.upper(['stripped', 'types'], new Map([['now', new Date()]])), () => process.exit(0))
  }
}
await run(App, weaver, { copyArgs: true })
`,
  })
  const tsconfig = JSON.parse(readFileSync(join(made.folder, 'tsconfig.json'), 'utf8')) as { readonly compilerOptions: object }
  made.write(
    'tsconfig.json',
    JSON.stringify({ ...tsconfig, compilerOptions: { ...tsconfig.compilerOptions, allowImportingTsExtensions: true } }),
  )
  expect((await generate({ projectDir: made.folder })).diagnostics.map(formatDiagnostic)).toEqual([])
  const flags = process.features.typescript === false ? ['--experimental-strip-types'] : [] // before Node 22.18
  const { WEAVER_BOOTSTRAP: _, NODE_OPTIONS: __, ...env } = process.env
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, join(made.folder, 'src/main.ts')], { env })
  expect(stdout).toContain('STRIPPED TYPES')
})
