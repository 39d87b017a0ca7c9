import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { component, INSTALLED, TSCONFIG } from '../testing/component-package.js'
import { makeTree } from '../testing/fixtures.js'
import { runWeaver, startWeaver } from '../testing/run-weaver.js'
import { workspacePackages } from './workspace-packages.js'

const json = JSON.stringify
const DOORS = { '.': './src/stock.ts', './weaver': './src/weaver.gen.ts', './weaver.graph.json': './weaver.graph.json' }
/**
 * `@acme/app` stands before the package that it depends on; `old` is taken out, and `tools` uses
 * the SDK for other things.
 */
const WORKSPACE = {
  'package.json': json({ name: 'acme', private: true, workspaces: ['packages/*', '!packages/old'] }),
  ...INSTALLED,
  'node_modules/@acme/stock': { link: '../../packages/stock' },
  'packages/app/package.json': json({ name: '@acme/app', type: 'module', dependencies: { '@weaver/sdk': '*', '@acme/stock': '*' } }),
  'packages/app/tsconfig.json': TSCONFIG,
  'packages/app/src/cart.ts': component('Cart', 'add', {
    imports: `import { Stock } from '@acme/stock'\n`,
    field: 'readonly stock = ref(Stock);',
  }),
  'packages/stock/package.json': json({ name: '@acme/stock', type: 'module', exports: DOORS, dependencies: { '@weaver/sdk': '*' } }),
  'packages/stock/tsconfig.json': TSCONFIG,
  'packages/stock/src/stock.ts': component('Stock', 'take'),
  'packages/tools/package.json': json({ name: '@acme/tools', type: 'module', devDependencies: { '@weaver/sdk': '*' } }),
  'packages/tools/tsconfig.json': TSCONFIG,
  'packages/tools/src/tool.ts': `import { isWeaverError } from '@weaver/sdk'\nvoid isWeaverError\n`,
  'packages/old/package.json': json({ name: '@acme/old', dependencies: { '@weaver/sdk': '*' } }),
  'packages/old/tsconfig.json': TSCONFIG,
  'packages/site/package.json': json({ name: '@acme/site' }),
}
const BROKEN = component('Stock', 'take').replace('take(): Promise<void>', 'take(): void')

const roots: string[] = []
async function workspace(files: Parameters<typeof makeTree>[0] = WORKSPACE): Promise<string> {
  const root = await makeTree(files)
  roots.push(root)
  return root
}
afterEach(async () => {
  for (const root of roots.splice(0)) await rm(root, { recursive: true })
})

describe('weaver generate at the root of a workspace', () => {
  it('generates for every package with components, each after those that it depends on, and says what became of each', async () => {
    const root = await workspace()
    const generate = (...flags: readonly string[]) => runWeaver(['generate', ...flags], { cwd: root, env: {} })
    const stock = 'packages/stock/src/weaver.gen.ts, packages/stock/weaver.graph.json'
    const app = 'packages/app/src/weaver.gen.ts, packages/app/weaver.graph.json'
    expect(await generate()).toEqual({ code: 0, stdout: `${stock}: written\n${app}: written\n`, stderr: '' })
    expect(await generate('--check')).toEqual({ code: 0, stdout: `${stock}: up to date\n${app}: up to date\n`, stderr: '' })
    expect(await readFile(join(root, 'packages/app/weaver.graph.json'), 'utf8')).toContain('"package": "@acme/stock"')

    await writeFile(join(root, 'packages/stock/src/stock.ts'), component('Stock', 'give'))
    const stale = await generate('--check')
    expect(stale).toMatchObject({ code: 1, stdout: `${app}: up to date\n` })
    expect(stale.stderr).toContain(`${stock}: stale`)
    expect(stale.stderr).toContain('1 package stale: @acme/stock; run `weaver generate` at the root of the workspace')
    // the graph of the one is part of the other's
    expect((await generate()).stdout).toBe(`${stock}: written\n${app}: written\n`)

    await writeFile(join(root, 'packages/stock/src/stock.ts'), BROKEN)
    const failed = await generate()
    expect(failed).toMatchObject({ code: 1, stdout: '' })
    expect(failed.stderr).toContain('packages/stock/src/stock.ts:2:26 - error WVG021')
    expect(failed.stderr).toContain('@acme/app: not tried, because @acme/stock failed')
    expect(failed.stderr).toContain('nothing was generated for 2 packages, see above: @acme/stock, @acme/app')
    expect(JSON.parse((await generate('--json')).stdout)).toMatchObject([
      { package: '@acme/stock', status: 'failed', diagnostics: [{ code: 'WVG021' }] },
      { package: '@acme/app', status: 'blocked', blockedBy: '@acme/stock' },
    ])
  }, 200_000)

  it('watches all of them: a change in one generates again for those that depend on it', async () => {
    const root = await workspace()
    const watching = startWeaver(['generate', '--watch'], { cwd: root, env: {} })
    const graph = (name: string) => readFile(join(root, 'packages', name, 'weaver.graph.json'), 'utf8').catch(() => '')
    const seen = async (text: string): Promise<boolean> => {
      for (const deadline = Date.now() + 60_000; Date.now() < deadline; await new Promise((resolve) => setTimeout(resolve, 50)))
        if ((await graph('app')).includes(text)) return true
      return false
    }
    expect(await seen('"take"')).toBe(true)
    // the watchers are started one after the other; the first change may come before the last of
    // them watches
    for (const deadline = Date.now() + 60_000; Date.now() < deadline && !(await graph('app')).includes('"give"');) {
      await writeFile(join(root, 'packages/stock/src/stock.ts'), component('Stock', 'give'))
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
    expect(await graph('stock')).toContain('"give"')
    expect(await graph('app')).toContain('"give"')
    watching.interrupt()
    expect((await watching.done).code).toBe(0)
  }, 200_000)

  it('says when there is nothing to do', async () => {
    const root = await workspace({ 'package.json': json({ name: 'acme', workspaces: [] }) })
    const ran = await runWeaver(['generate'], { cwd: root, env: {} })
    expect(ran).toMatchObject({ code: 2, stderr: expect.stringContaining('no package with a tsconfig.json that depends on @weaver/sdk') })
  })
})

describe('packages of a workspace', () => {
  const member = (name: string, dependencies: readonly string[] = []): Readonly<Record<string, string>> => ({
    [`${name}/package.json`]: json({
      name: name.split('/').at(-1),
      dependencies: Object.fromEntries(['@weaver/sdk', ...dependencies].map((one) => [one, '*'])),
    }),
    [`${name}/tsconfig.json`]: '{}',
  })
  const names = async (files: Readonly<Record<string, string>>) =>
    (await workspacePackages(await workspace(files)))?.map(({ name }) => name)

  it('are those of pnpm too, at any depth', async () => {
    const files = { ...member('libs/deep/er/a'), ...member('libs/b', ['a']), ...member('apps/c', ['b']), ...member('other/d') }
    expect(await names({ ...files, 'pnpm-workspace.yaml': 'packages:\n  - "libs/**"\n  - apps/c\n' })).toEqual(['a', 'b', 'c'])
    expect(await names({ ...files, 'package.json': json({ workspaces: { packages: ['a*/*'] } }) })).toEqual(['c'])
    expect(await names(files)).toBeUndefined()
  })

  it('in a circle come by name; the root may be one of them, and the last', async () => {
    const root = json({ name: 'aaa', workspaces: ['*'], dependencies: { '@weaver/sdk': '*', y: '*' } })
    expect(await names({ ...member('x', ['y']), ...member('y', ['x']), 'package.json': root, 'tsconfig.json': '{}' })).toEqual([
      'x',
      'y',
      'aaa',
    ])
  })
})
