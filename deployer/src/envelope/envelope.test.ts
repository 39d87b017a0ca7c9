/**
 * Real processes of Node, which do as their line of code says. "ready" on stdout is what a weavelet
 * says over the control channel.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ControlChannel } from '../control/control-channel.js'
import type { LogEntry, WeaveletStatus } from '@weaver/sdk/contract'
import { problemOf, startEnvelope, type Envelope, type EnvelopeEvent, type EnvelopeOptions } from './envelope.js'

const SERVE = 'setInterval(() => {}, 1000); console.log("ready")'
const STATUS: WeaveletStatus = {
  kind: 'status',
  replica: 'web-0',
  group: 'web',
  versionId: 'v1',
  fingerprint: 'f',
  ready: true,
  draining: false,
  inFlight: 0,
  served: 0,
}

const running: Envelope[] = []
afterEach(async () => {
  for (const envelope of running.splice(0)) await envelope.stop()
})

interface Started {
  readonly envelope: Envelope
  readonly events: readonly EnvelopeEvent[]
  readonly entries: readonly LogEntry[]
  /** Resolves with the first event that fits, also one that has been. */
  heard<K extends EnvelopeEvent['kind']>(kind: K, count?: number): Promise<Extract<EnvelopeEvent, { kind: K }>>
}

function start(code: string, options: Partial<EnvelopeOptions> = {}): Started {
  const events: EnvelopeEvent[] = []
  const entries: LogEntry[] = []
  let pid = 0
  let readyPid = 0
  // As the broker's: it says of the process that runs whether it is ready.
  const control: ControlChannel = { ask: async () => (readyPid === pid ? STATUS : undefined) }
  const envelope = startEnvelope({
    name: 'web-0',
    command: { file: process.execPath, args: ['-e', code], env: { PATH: process.env['PATH'] } },
    control,
    output: {
      entry(entry) {
        entries.push(entry)
        if (entry.message === 'ready') readyPid = pid
      },
    },
    onEvent(event) {
      events.push(event)
      if (event.kind === 'spawned') [pid, readyPid] = [event.pid, 0]
    },
    ...options,
  })
  running.push(envelope)
  return {
    envelope,
    events,
    entries,
    async heard(kind, count = 1) {
      for (;;) {
        const found = events.filter((event) => event.kind === kind)[count - 1]
        if (found !== undefined) return found as never // of that kind
        await sleep(5)
      }
    },
  }
}

const kinds = (events: readonly EnvelopeEvent[]): readonly string[] => events.map(({ kind }) => kind)

describe('a weavelet', () => {
  it('is started, becomes ready, and is stopped', async () => {
    const { envelope, events } = start(`process.on('SIGTERM', () => { console.log('bye'); process.exit(0) }); ${SERVE}`)
    expect(envelope.state).toEqual({ kind: 'starting' })
    expect(await envelope.ready()).toEqual(STATUS)
    expect(envelope.state).toEqual({ kind: 'ready', pid: envelope.pid, status: STATUS })
    const [end, again] = await Promise.all([envelope.stop(), envelope.stop()])
    expect(end).toEqual({
      why: 'stopped',
      death: expect.objectContaining({
        cause: { kind: 'exit', code: 0 },
        lastEntries: [expect.anything(), expect.objectContaining({ message: 'bye' })],
      }),
    })
    expect(again).toBe(end)
    expect(problemOf('web-0', end)).toBeUndefined()
    expect(kinds(events)).toEqual(['spawned', 'ready', 'died', 'ended'])
    expect(await envelope.stop()).toBe(end)
  })

  it('that ends before it is ready has failed; the reason is its cause and what it said last', async () => {
    const { envelope, events } = start(`console.error('the disk is full'); process.exitCode = 3`, { restart: { kind: 'restart' } })
    await expect(envelope.ready()).rejects.toMatchObject({
      code: 'WEAVER_WEAVELET_FAILED',
      message: '"web-0" ended before it was ready: it exited with code 3:\nthe disk is full',
      details: { weavelet: 'web-0', cause: 'exited with code 3' },
    })
    expect((await envelope.ended).why).toBe('failed')
    expect(kinds(events)).toEqual(['spawned', 'died', 'ended'])
  })

  it('that cannot be started has failed', async () => {
    const { envelope } = start('', { command: { file: '/no/such/program', env: {} } })
    await expect(envelope.ready()).rejects.toMatchObject({
      code: 'WEAVER_WEAVELET_FAILED',
      message: '"web-0" ended before it was ready: it cannot be started: spawn /no/such/program ENOENT',
      cause: { code: 'ENOENT' },
    })
  })

  it('that does not become ready in time is ended', async () => {
    const command = { file: '/bin/sh', args: ['-c', 'echo thinking; exec sleep 60'], env: { PATH: process.env['PATH'] } }
    const { envelope } = start('', { command, readyMs: 2_000 })
    await expect(envelope.ready()).rejects.toMatchObject({
      message: '"web-0" ended before it was ready: it was not ready after 2 s:\nthinking',
    })
    expect(envelope.pid).toBeUndefined()
  })

  it('is ready as soon as it runs where there is no control channel', async () => {
    const { envelope } = start(SERVE, { control: undefined as never }) // as absent
    expect(await envelope.ready()).toBeUndefined()
    expect(envelope.state).toMatchObject({ kind: 'ready', pid: envelope.pid })
  })
})

describe('a stop', () => {
  it('kills what does not heed it, after the grace period', async () => {
    const { envelope } = start(`process.on('SIGTERM', () => {}); ${SERVE}`, { graceMs: 200 })
    await envelope.ready()
    const end = await envelope.stop()
    expect(end.why).toBe('stopped')
    expect(problemOf('web-0', end)).toBe('"web-0" was killed by SIGKILL:\nready')
  })

  it('before the weavelet is ready rejects those that wait for it', async () => {
    const { envelope } = start('setInterval(() => {}, 1000)')
    const ready = envelope.ready().catch((error: unknown) => error)
    expect((await envelope.stop()).why).toBe('stopped')
    expect(await ready).toMatchObject({ message: '"web-0" was stopped before it was ready' })
  })

  it('while a restart is pending is final', async () => {
    const { envelope, events, heard } = start(SERVE, { restart: { kind: 'restart', backoff: { initialMs: 50 } } })
    await envelope.ready()
    envelope.kill('SIGKILL')
    await heard('died')
    expect(envelope.state).toMatchObject({ kind: 'waiting', death: { cause: { kind: 'signal', signal: 'SIGKILL' } } })
    expect(await envelope.stop()).toMatchObject({ why: 'stopped', death: { cause: { kind: 'signal', signal: 'SIGKILL' } } })
    await sleep(200)
    expect(kinds(events)).toEqual(['spawned', 'ready', 'died', 'ended'])
  })
})

describe('after a death', () => {
  it('with the policy restart another process takes the place, after longer and longer pauses', async () => {
    const restart = { kind: 'restart', backoff: { initialMs: 40 } } as const
    const { envelope, events, heard } = start(SERVE, { restart })
    const pids = new Set<number>()
    for (let count = 1; count <= 3; count++) {
      pids.add((await heard('ready', count)).pid)
      envelope.kill('SIGKILL')
      const { death, next } = await heard('died', count)
      expect(death).toMatchObject({ cause: { kind: 'signal', signal: 'SIGKILL' }, lastEntries: [{ message: 'ready' }] })
      expect(next).toEqual({ kind: 'restart', afterMs: 40 * 2 ** (count - 1), failures: count })
    }
    expect(pids.size).toBe(3)
    await heard('ready', 4)
    expect(kinds(events)).toEqual([...Array.from({ length: 3 }, () => ['spawned', 'ready', 'died']).flat(), 'spawned', 'ready'])
  })

  it.each(['leave', 'stop-all'] as const)('with the policy %s its life is over, and its deployer knows what to do', async (kind) => {
    const { envelope, heard } = start(SERVE, { restart: { kind } })
    await envelope.ready()
    envelope.kill('SIGKILL')
    expect((await heard('died')).next).toEqual({ kind })
    const end = await envelope.ended
    expect(end.why).toBe('died')
    expect(problemOf('web-0', end)).toBe('"web-0" was killed by SIGKILL:\nready')
  })

  it('is restarted from the first start on where the policy says so', async () => {
    const { heard } = start('process.exitCode = 1', { restart: { kind: 'restart', fromFirstStart: true, backoff: { initialMs: 10 } } })
    expect((await heard('died', 3)).next).toEqual({ kind: 'restart', afterMs: 40, failures: 3 })
  })

  it('is told after the last line, which needs no line end, and not held up by a process that keeps the output open', async () => {
    const orphan = `require('node:child_process').spawn(process.execPath, ['-e', 'setTimeout(() => {}, 20_000)'], { stdio: ['ignore', 'inherit', 'inherit'] }).unref()`
    const { envelope, entries } = start(`${orphan}; process.stdout.write('the last', () => process.exit(7))`)
    const began = Date.now()
    const { death } = await envelope.ended
    expect(death).toMatchObject({ cause: { kind: 'exit', code: 7 }, lastEntries: [{ level: 'stdout', message: 'the last' }] })
    expect(entries).toHaveLength(1)
    expect(Date.now() - began).toBeLessThan(15_000)
  })
})

describe('lines', () => {
  it('are marked with whose they are, as the bootstrap says; bytes and blank lines are told as well', async () => {
    const bytes: string[] = []
    const entries: LogEntry[] = []
    let blanks = 0
    const bootstrap = {
      version: 1,
      app: 'shop',
      deploymentId: 'shop-1',
      versionId: 'v1',
      group: 'web',
      replica: 'web-0',
      components: ['shop/Web'],
      listeners: {},
      config: {},
    } as const
    const { envelope } = start(`console.log(JSON.parse(process.env.WEAVER_BOOTSTRAP).group + '\\n'); console.error('x')`, {
      bootstrap,
      output: {
        entry: (entry) => void entries.push(entry),
        blank: () => void blanks++,
        chunk: (chunk, stream) => void bytes.push(`${stream} ${Buffer.from(chunk).toString()}`),
      },
    })
    await envelope.ended
    const mark = { app: 'shop', version: 'v1', deploymentId: 'shop-1', group: 'web', replica: 'web-0' }
    expect(entries).toHaveLength(2)
    expect(entries).toContainEqual(expect.objectContaining({ ...mark, level: 'stdout', message: 'web' }))
    expect(entries).toContainEqual(expect.objectContaining({ ...mark, level: 'stderr', message: 'x' }))
    expect(blanks).toBe(1)
    expect(bytes.sort()).toEqual(['stderr x\n', 'stdout web\n\n'])
  })

  it('are marked by process where the mark depends on that', async () => {
    const { envelope, entries, heard } = start('console.log("ready"); setInterval(() => {}, 1000)', {
      identity: (pid) => ({ app: 'shop', replica: String(pid) }),
      restart: { kind: 'restart', backoff: { initialMs: 10 } },
    })
    const first = await heard('ready')
    envelope.kill('SIGKILL')
    const second = await heard('ready', 2)
    expect(entries).toMatchObject([first, second].map(({ pid }) => ({ app: 'shop', replica: String(pid), message: 'ready' })))
  })

  it('of a death are the last ones only', async () => {
    const { envelope } = start('for (let i = 1; i <= 1000; i++) console.log(`line ${i}`)')
    const { death } = await envelope.ended
    expect(death?.lastEntries).toHaveLength(30)
    expect(death?.lastEntries.at(-1)?.message).toBe('line 1000')
  })
})

it('a lifeline is open as long as the deployer lives, and the weavelet is told its number', async () => {
  const code = `
    const { lifelineFd } = JSON.parse(process.env.WEAVER_BOOTSTRAP)
    const line = new (require('node:net').Socket)({ fd: lifelineFd, readable: true }).resume()
    setTimeout(() => { console.log(line.closed ? 'closed' : 'open'); console.log('ready') }, 100)`
  const command = { file: process.execPath, args: ['-e', code], env: {}, hasLifeline: true }
  const bootstrap = {
    version: 1,
    app: 'a',
    deploymentId: 'd',
    versionId: 'v',
    group: 'g',
    replica: 'r',
    components: [],
    listeners: {},
    config: {},
  } as const
  const { envelope, entries } = start('', { bootstrap, command })
  await envelope.ready()
  expect(entries.map(({ message }) => message)).toEqual(['open', 'ready'])
})
