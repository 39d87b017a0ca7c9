/** `weaver ssh purge` with its script, which runs here: `ssh` is a program that starts a shell with a home of the host. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { runWeaver } from '../../testing/run-weaver.js'
import { takeLock } from '../local/process-lock.js'
import { purgeMachines, rememberMachines } from './used-machines.js'

/** Host `away` cannot be reached as long as there is a file of that name. */
const SSH = `#!/bin/sh
for last; do [ "$before" = -- ] && host=$last; before=$last; done
[ -e "$ROOT/$host-is-away" ] && { echo "no route to $host" >&2; exit 255; }
XDG_CACHE_HOME="$ROOT/$host" exec sh -c "$last"
`
const HERE = hostname().replace(/[^A-Za-z0-9.-]/g, '')

let root: string
let env: NodeJS.ProcessEnv
let list: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'weaver-purge-'))
  mkdirSync(join(root, 'bin'))
  writeFileSync(join(root, 'bin', 'ssh'), SSH, { mode: 0o755 })
  env = { ...process.env, ROOT: root, PATH: `${root}/bin:${process.env['PATH']}`, XDG_STATE_HOME: join(root, 'state') }
  list = join(root, 'state', 'weaver', 'ssh')
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const cacheOf = (host: string): string => join(root, host, 'weaver', 'ssh')
/** @returns the folder of a deployment */
function sent(host: string, run: string): string {
  const folder = join(cacheOf(host), 'run', run)
  mkdirSync(folder, { recursive: true })
  mkdirSync(join(cacheOf(host), 'layer-1'))
  return folder
}

it('deletes nothing below a process that runs, nor what another machine with the same home may use', async () => {
  takeLock(join(sent('runs', `d1@${HERE}`), 'agent.lock'), process.pid)
  const [pid, start] = readFileSync(join(cacheOf('runs'), 'run', `d1@${HERE}`, 'agent.lock'), 'utf8').split(' ')
  writeFileSync(join(sent('ended', `d1@${HERE}`), 'agent.lock'), '4194304 1') // above all ids of processes
  writeFileSync(join(sent('reused', `d1@${HERE}`), 'agent.lock'), `${pid} ${Number(start) - 1}`)
  writeFileSync(join(sent('empty', `d1@${HERE}`), 'agent.lock'), '')
  sent('shared', `d1@${HERE}`)
  mkdirSync(join(cacheOf('shared'), 'run', `d1@other.${HERE}`))
  const hosts = ['runs', 'ended', 'reused', 'empty', 'shared', 'never']
  rememberMachines(list, hosts)
  const purged = await purgeMachines(list, { env, waitS: 0 })
  expect(purged.map(({ text, isDone }) => `${isDone} ${text}`)).toEqual([
    'false runs: a deployment of another computer runs there; nothing was deleted',
    ...['ended', 'reused', 'empty'].map((host) => `true deleted on ${host}: ${cacheOf(host)}`),
    'false shared: another machine that shares its ~/.cache/weaver/ssh runs a deployment, or has left one there; purge that machine, too',
    'true never: nothing was there',
  ])
  expect(hosts.map((host) => existsSync(cacheOf(host)))).toEqual([true, false, false, false, true, false])
  expect(existsSync(join(cacheOf('runs'), 'run', `d1@${HERE}`, 'agent.lock'))).toBe(true)
  expect(readdirSync(cacheOf('shared'))).toEqual(['layer-1', 'run'])
  expect(readdirSync(join(cacheOf('shared'), 'run'))).toEqual([`d1@other.${HERE}`])
  expect(readFileSync(`${list}-machines`, 'utf8').split('\n')).toEqual(['runs', 'shared'])
})

it('remembers a machine that it did not reach, and fails, until it has reached it', async () => {
  rememberMachines(list, ['here', 'away'])
  for (const host of ['here', 'away']) sent(host, `d1@${HERE}`)
  writeFileSync(join(root, 'away-is-away'), '')
  const purge = (): ReturnType<typeof runWeaver> => runWeaver(['ssh', 'purge', '--yes'], { cwd: root, env })
  const first = await purge()
  expect(first).toMatchObject({ code: 1, stderr: expect.stringContaining('away: no route to away; what was sent there is in') })
  expect(first.stdout).toContain(`deleted on here: ${cacheOf('here')}`)
  rmSync(join(root, 'away-is-away'))
  const second = await purge()
  expect(second).toMatchObject({ code: 0, stdout: expect.stringContaining(`deleted on away: ${cacheOf('away')}`) })
  expect(second.stdout).not.toContain('here')
  expect(readdirSync(join(root, 'state', 'weaver'))).toEqual([])
})
