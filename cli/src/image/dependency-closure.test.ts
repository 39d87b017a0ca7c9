import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { makeApplication, makeTree } from '../testing/fixtures.js'
import { resolveDependencies } from './dependency-closure.js'
import { listPackageFiles, readPackageJson } from './package-files.js'

const roots: string[] = []
afterAll(() => Promise.all(roots.map((root) => rm(root, { recursive: true, force: true }))))

async function tree(files: Parameters<typeof makeTree>[0]): Promise<string> {
  const root = await makeTree(files)
  roots.push(root)
  return root
}

describe('dependencies of a package', () => {
  it('are its production closure, with workspaces in place of links and older versions nested', async () => {
    const { root, folder } = await makeApplication()
    roots.push(root)
    const found = await resolveDependencies(folder)
    expect(found.map((one) => [one.target, one.manifest.version])).toEqual([
      ['node_modules/@acme/lib', '1.0.0'],
      ['node_modules/left', '2.0.0'],
      ['node_modules/right', '1.0.0'],
      ['node_modules/right/node_modules/left', '1.0.0'],
      ['node_modules/zod', '4.0.0'],
    ])
    expect(found[0]?.source).toBe(join(root, 'lib'))
  })

  it('that are not installed are all named, with who needs them', async () => {
    const root = await tree({
      'package.json': JSON.stringify({ name: 'app', dependencies: { a: '*', b: '*' }, optionalDependencies: { c: '*' } }),
    })
    await expect(resolveDependencies(root)).rejects.toMatchObject({
      code: 'WEAVER_CLI_DEPENDENCY_MISSING',
      message: 'not installed: "a", needed by "app"; "b", needed by "app". Run `npm install`',
    })
  })

  it('of another operating system are left out when they are optional', async () => {
    const root = await tree({
      'package.json': JSON.stringify({ name: 'app', optionalDependencies: { mac: '*', tux: '*' } }),
      'node_modules/mac/package.json': JSON.stringify({ name: 'mac', os: ['darwin'] }),
      'node_modules/tux/package.json': JSON.stringify({ name: 'tux', os: ['linux'] }),
    })
    expect((await resolveDependencies(root)).map((one) => one.name)).toEqual(['tux'])
  })

  it('that exclude an operating system are for the others', async () => {
    const root = await tree({
      'package.json': JSON.stringify({ name: 'app', optionalDependencies: { all: '*' } }),
      'node_modules/all/package.json': JSON.stringify({ name: 'all', os: ['!win32'] }),
    })
    expect((await resolveDependencies(root)).map((one) => one.name)).toEqual(['all'])
    expect(await resolveDependencies(root, { os: 'win32' })).toEqual([])
  })

  it('may be a circle', async () => {
    const root = await tree({
      'package.json': JSON.stringify({ name: 'app', dependencies: { a: '*' } }),
      'node_modules/a/package.json': JSON.stringify({ name: 'a', dependencies: { b: '*' } }),
      'node_modules/b/package.json': JSON.stringify({ name: 'b', dependencies: { a: '*' } }),
    })
    expect((await resolveDependencies(root)).map((one) => one.target)).toEqual(['node_modules/a', 'node_modules/b'])
  })
})

describe('files of a package', () => {
  const paths = async (root: string): Promise<readonly string[]> =>
    (await listPackageFiles(root, await readPackageJson(root))).map((f) => f.path)

  it('of the user are those that `files` names, package.json always, secrets and packages never', async () => {
    const root = await tree({
      'package.json': JSON.stringify({ files: ['dist/**/*.js', './views/', '!dist/skip.js', 'data?.txt'] }),
      'dist/main.js': '',
      'dist/deep/er.js': '',
      'dist/skip.js': '',
      'dist/main.d.ts': '',
      'views/.hidden/a.html': '',
      'data1.txt': '',
      'data10.txt': '',
      'src/main.ts': '',
      'views/node_modules/x/package.json': '{}',
      'views/.env': 'SECRET=1',
      'views/.env.local': 'SECRET=1',
      'views/.env.production.local': 'SECRET=1',
      'views/.env.production': 'TITLE=shop',
    })
    expect(await paths(root)).toEqual([
      'data1.txt',
      'dist/deep/er.js',
      'dist/main.js',
      'package.json',
      'views/.env.production',
      'views/.hidden/a.html',
    ])
  })

  it('without `files` are all that are not hidden; a link to a file counts as the file, one that leads nowhere does not', async () => {
    const root = await tree({ 'package.json': '{}', 'a.js': 'a', '.b': '', 'c.js': { link: 'a.js' }, 'd.js': { link: 'nowhere' } })
    expect(await paths(root)).toEqual(['a.js', 'c.js', 'package.json'])
  })

  it('are behind links to folders, too, unless one leads back to where it is; what is left out is said', async () => {
    const root = await tree({
      'app/package.json': JSON.stringify({ files: ['dist', 'views/*.html'] }),
      'app/dist/main.js': '',
      'app/dist/public': { link: '../../assets' },
      'app/dist/self': { link: '.' },
      'app/dist/up': { link: '../..' },
      'app/dist/gone': { link: 'nowhere' },
      'app/dist/round': { link: 'round' },
      'app/views/a.html': '',
      'app/views/more': { link: '../../assets' },
      'app/big': { link: '/usr' },
      'assets/app.js': '',
      'assets/img/a.png': '',
      'assets/home': { link: '../app/dist' },
    })
    const leftOut: string[] = []
    const folder = join(root, 'app')
    const found = await listPackageFiles(folder, await readPackageJson(folder), { onLeftOut: (what) => leftOut.push(what) })
    expect(found.map(({ path }) => path)).toEqual([
      'dist/main.js',
      'dist/public/app.js',
      'dist/public/img/a.png',
      'package.json',
      'views/a.html',
    ])
    expect(leftOut.map((what) => what.replaceAll(root, '')).sort()).toEqual([
      '"/app/dist/gone" is a link that leads nowhere, and is left out',
      '"/app/dist/public/home" is a link to "/app/dist", which it is in itself, and is left out',
      '"/app/dist/round" is a link that leads nowhere, and is left out',
      '"/app/dist/self" is a link to "/app/dist", which it is in itself, and is left out',
      '"/app/dist/up" is a link to "", which it is in itself, and is left out',
    ])
  })

  it('that a package.json of the wrong shape leaves unknown are an error that names it', async () => {
    const root = await tree({ 'package.json': '{"dependencies": []}' })
    await expect(readPackageJson(root)).rejects.toMatchObject({
      code: 'WEAVER_CLI_NOT_BUILT',
      message: expect.stringContaining('dependencies'),
    })
  })
})
