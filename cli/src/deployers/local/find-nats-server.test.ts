import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { findNatsServer, type FindNatsServerOptions } from './find-nats-server.js'

let folder: string
let program: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weaver-find-'))
  program = join(folder, 'nats-server')
  writeFileSync(program, '', { mode: 0o755 })
})
afterEach(() => rmSync(folder, { recursive: true }))

const notInstalled = (specifier: string): string => {
  throw new Error(`Cannot find module '${specifier}'`)
}
const find = (more: Partial<FindNatsServerOptions> = {}) =>
  findNatsServer({
    env: { PATH: ['/nowhere', folder].join(delimiter) },
    cwd: folder,
    platform: { os: 'linux', cpu: 'x64' },
    resolve: notInstalled,
    ...more,
  })

describe('the broker of a local deployer', () => {
  it('is the URL, else the package of the platform, else that of the PATH', () => {
    const asked: string[] = []
    const resolve = (specifier: string): string => (asked.push(specifier), program)
    expect(find({ url: 'nats://localhost:4222', resolve })).toEqual({ kind: 'url', url: 'nats://localhost:4222' })
    expect(find({ resolve, env: {} })).toEqual({ kind: 'program', path: program, from: '@weaver/nats-server-linux-x64' })
    expect(find({ resolve, platform: { os: 'win32', cpu: 'x64' } })).toMatchObject({ from: '@weaver/nats-server-win32-x64' })
    expect(asked).toEqual(['@weaver/nats-server-linux-x64/bin/nats-server', '@weaver/nats-server-win32-x64/bin/nats-server.exe'])
    expect(find()).toEqual({ kind: 'program', path: program, from: 'PATH' })
  })

  it('that is not there comes with the ways to get one on this system', () => {
    expect(() => find({ env: {} })).toThrow(
      /@weaver\/nats-server-linux-x64.*on the PATH\. Put one on the PATH: .*releases.*go install .*GOPATH.*--nats nats:/,
    )
    expect(() => find({ env: {}, platform: { os: 'darwin', cpu: 'arm64' } })).toThrow(
      /@weaver\/nats-server-darwin-arm64.*brew install nats-server/,
    )
    // They are not published.
    for (const os of ['linux', 'darwin', 'win32'])
      expect(() => find({ env: {}, platform: { os, cpu: 'x64' } })).toThrow(
        expect.not.objectContaining({ message: expect.stringContaining('npm install') }),
      )
    expect(() => find({ env: {}, platform: { os: 'win32', cpu: 'x64' } })).toThrow(/nats-server\.exe.*winget install/)
  })

  it('must be a program that can be run', () => {
    chmodSync(program, 0o644)
    expect(() => find()).toThrow(expect.objectContaining({ code: 'WEAVER_CLI_NATS' }))
    expect(() => find({ resolve: () => program })).toThrow(/cannot be run; install it again, or make it executable/)
    expect(() => find({ url: 'localhost' })).toThrow(/--nats "localhost" is not the URL of a broker; write it as nats:\/\//)
  })
})
