import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { runWeaver } from '../../testing/run-weaver.js'
import { processStart } from './process-start.js'
import { controlSocketPath, listDeployment, runningDeployments, type RunningDeployment } from './running-deployments.js'

let folder: string
let list: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weaver-list-'))
  list = join(folder, 'l'.repeat(100)) // no room for a socket beside the entries
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Above any number that a process can have. */
const NO_PID = 2 ** 30
const entry = (controlSocket: string, pid = process.pid): RunningDeployment => ({
  version: 1,
  app: 'shop',
  deploymentId: 'd',
  pid,
  startedAt: 1,
  config: '/weaver.toml',
  controlSocket,
})

describe('the list of deployments', () => {
  it('makes a folder for a socket whose path would be too long, and takes it away with the entry', () => {
    const socket = controlSocketPath(list, 'd')
    expect(dirname(socket)).not.toBe(list)
    const unlist = listDeployment(list, entry(socket))
    writeFileSync(socket, '')
    expect(runningDeployments(list)).toEqual([{ ...entry(socket), processStart: processStart(process.pid) }])
    unlist()
    expect([existsSync(dirname(socket)), readdirSync(list)]).toEqual([false, []])
    unlist() // twice is no mistake
  })

  it('closes its folder to other users, also one that was open', () => {
    mkdirSync(list)
    chmodSync(list, 0o755)
    controlSocketPath(list, 'd')
    expect(statSync(list).mode & 0o777).toBe(0o700)
  })

  it('keeps what runs, and clears what has ended, among twenty: also where another process has the number now', () => {
    for (let i = 0; i < 20; i++) {
      const unlist = listDeployment(list, {
        ...entry(join(list, `${i}.sock`), i % 2 === 0 ? process.pid : NO_PID),
        deploymentId: String(i),
      })
      if (i === 18) unlist()
    }
    // of a process that began at another time, whatever the clock says
    const path = join(list, '16.json')
    writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, 'utf8')) as object), processStart: '1' }))
    writeFileSync(join(list, '14.json'), '{ "version": 1, "app"') // cut off by a full disk
    const ids = runningDeployments(list).map(({ deploymentId }) => Number(deploymentId))
    expect(ids.sort((a, b) => a - b)).toEqual([0, 2, 4, 6, 8, 10, 12])
    expect(readdirSync(list).filter((name) => name.endsWith('.json')).map((name) => Number.parseInt(name, 10)).sort((a, b) => a - b)).toEqual([0, 2, 4, 6, 8, 10, 12, 14]) // prettier-ignore
  })

  it('never takes away a folder with more in it than the socket, whatever an entry says', () => {
    const precious = join(folder, 'precious')
    mkdirSync(precious)
    writeFileSync(join(precious, 'thesis.txt'), '')
    listDeployment(list, entry(join(precious, 'control.sock'), NO_PID))
    expect(runningDeployments(list)).toEqual([])
    expect([readdirSync(list), readdirSync(precious)]).toEqual([[], ['thesis.txt']])
  })

  it('ends what a command that was killed has left, wave by wave, and nothing that only has its number', async () => {
    const start = (): { readonly pid: number; readonly ended: Promise<unknown>; isAlive(): boolean } => {
      const child = spawn('sleep', ['6000'], { stdio: 'ignore' })
      return { pid: child.pid ?? 0, ended: once(child, 'exit'), isAlive: () => child.exitCode === null && child.signalCode === null }
    }
    const [first, last, stranger] = [start(), start(), start()]
    const mark = ({ pid }: { readonly pid: number }, commandHas = 'sleep 6000') => ({ pid, commandHas })
    const children = [[mark(first), mark(stranger, 'dist/main.js')], [mark(last)]]
    listDeployment(list, { ...entry(join(list, 'd.sock'), NO_PID), children })
    expect(runningDeployments(list)).toEqual([])
    await first.ended
    expect([last.isAlive(), readdirSync(list)]).toEqual([true, ['d.json']])
    runningDeployments(list)
    await last.ended
    runningDeployments(list)
    expect([stranger.isAlive(), readdirSync(list)]).toEqual([true, []])
    process.kill(stranger.pid)
    await stranger.ended
  })

  it('leaves nothing behind of an application that cannot be started', async () => {
    const [binary, temporary] = [join(folder, 'start.sh'), join(folder, 'tmp')]
    mkdirSync(temporary)
    writeFileSync(binary, '')
    chmodSync(binary, 0o600)
    writeFileSync(join(folder, 'weaver.toml'), `[serviceweaver]\nname = "shop"\nbinary = ${JSON.stringify(binary)}\n`)
    const before = process.env['TMPDIR']
    process.env['TMPDIR'] = temporary
    try {
      const { code, stderr } = await runWeaver(['single', 'deploy', 'weaver.toml'], { cwd: folder, env: { XDG_STATE_HOME: list } })
      expect([code, stderr]).toEqual([1, expect.stringContaining('cannot be started')])
      expect(readdirSync(temporary)).toEqual([])
    } finally {
      if (before === undefined) delete process.env['TMPDIR']
      else process.env['TMPDIR'] = before
    }
  })
})
