import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { createLogReader } from '../../logs/read-logs.js'
import { createOutput } from '../../print/output.js'
import { gkeFolders } from './gke-folders.js'
import { hostFiles, specFile, writeJson } from './platform-store.js'
import { takeLock } from '../local/process-lock.js'
import { lastWords } from './service.js'
import { runHost } from './version-host.js'
import type { VersionSpec } from './version-spec.js'

let state: string
beforeEach(() => (state = mkdtempSync(join(tmpdir(), 'weaver-host-'))))
afterEach(() => rmSync(state, { recursive: true }))

async function run(): Promise<{ readonly code: number; readonly said: string }> {
  const env = { XDG_STATE_HOME: state }
  const spec: VersionSpec = {
    format: 1,
    app: 'shop',
    deploymentId: 'v1',
    submittedAt: Date.now(),
    configPath: join(state, 'weaver.toml'),
    regions: ['west'],
    groups: [{ name: 'main', hosts: ['weaver/Main'], replicas: 1, listeners: [], calls: [], hasMain: true }],
    listeners: [],
    graph: { format: 1, components: [] } as unknown as VersionSpec['graph'], // it does not get so far
    config: {},
    launch: { binary: join(state, 'main.js'), command: ['node', join(state, 'main.js')], cwd: state, env },
    broker: { kind: 'program', path: join(state, 'no-nats-server'), from: 'PATH' },
    rollout: { strategy: 'cutover', progressDeadlineMs: 1, onFailure: 'rollback', drainTimeoutMs: 1 },
  }
  writeJson(specFile(gkeFolders(env), 'v1'), spec)
  let said = ''
  const stderr = new PassThrough().on('data', (text: Buffer) => (said += text.toString()))
  const output = createOutput({ stdout: new PassThrough(), stderr, env })
  const code = await runHost('v1', 'west', { env, cwd: state, output, onSignal: () => () => undefined, setExitCode: () => undefined })
  return { code, said }
}

it('a host that cannot start ends, says why to the platform and in the log of its version, and leaves nothing', async () => {
  const { code, said } = await run()
  expect(code).toBe(1)
  expect(lastWords(said.trim())).toMatch(/no-nats-server.*cannot be used/)
  const folders = gkeFolders({ XDG_STATE_HOME: state })
  const entries = []
  for await (const entry of createLogReader(folders.logs, ({ deploymentId }) => deploymentId === 'v1').read()) entries.push(entry)
  expect(entries).toEqual([
    expect.objectContaining({ level: 'error', message: expect.stringMatching(/in west cannot be started: .*no-nats-server/) }),
  ])
  expect(readdirSync(folders.hosts)).toEqual([])
})

it('two hosts of one copy do not run', async () => {
  takeLock(hostFiles(gkeFolders({ XDG_STATE_HOME: state }), 'v1.west').lock, process.ppid)
  await expect(run()).rejects.toThrow(`process ${process.ppid} runs it already`)
})

it('the last words of a command are its error, else its last line', () => {
  expect(lastWords('warning: a\nerror WEAVER_CLI_X: it says:\nno disk\nwarning: b')).toBe('it says: no disk')
  expect(lastWords('a\nb')).toBe('b')
  expect(lastWords('')).toBe('')
})
