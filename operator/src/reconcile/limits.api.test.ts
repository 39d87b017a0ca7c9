// What a limit of a neighbour stops is told in status (docs/limits.md): on a real API server and
// etcd, whose own limit it is at the largest.
import { jsonLine, type LogEntry } from '@weaver/sdk/contract'
import { startApiServer, type ApiServer } from '../testing/api-server.js'
import { GRAPH, isReady, serving, spec, Story, V1, V2 } from '../testing/app-story.js'

let server: ApiServer
beforeAll(async () => {
  server = await startApiServer()
}, 300_000)
afterAll(async () => {
  await server?.close()
})

/**
 * Objects of an app of which no version could be made; the record and the describe pod are there to
 * find out.
 */
const made = async (story: Story): Promise<string[]> =>
  (await story.player.inventory()).filter((name) => !name.startsWith('ControllerRevision/') && !name.endsWith('-describe'))

const isStalled =
  (reason: string) =>
  ({ conditions }: Awaited<ReturnType<Story['status']>>): boolean =>
    conditions?.some((c) => c.type === 'Stalled' && c.status === 'True' && c.reason === reason) === true

const TOO_LARGE = 'the account of deployment "hello" has at least 1200000 bytes, and the broker takes messages of 1048576'

describe('a version that a limit stops', () => {
  it('with an account that the broker does not take: nothing is made, Degraded says both sizes', async () => {
    const story = await Story.start(server)
    story.broker.outage = TOO_LARGE
    await story.applySpec(spec(V1))
    for (let i = 0; i < 2; i += 1) await expect(story.until('never', () => false, { passes: 6 })).rejects.toThrow(TOO_LARGE)
    expect(await story.condition('Degraded')).toMatchObject({ status: 'True', message: expect.stringContaining(TOO_LARGE) as unknown })
    expect(await made(story)).toEqual([])
    story.broker.outage = undefined // max_payload was raised
    await story.until('v1 serves', isReady)
  }, 300_000)

  it('with configuration that Linux starts no process with: nothing is made, and the version before serves on', async () => {
    const { story, v1 } = await serving(server)
    const before = await made(story)
    const components = GRAPH.components.map((c) => (c.name === 'httpserver/Reverser' ? { ...c, config: { type: 'object' } } : c))
    story.player.images.set(V2, { graph: { ...GRAPH, components }, digest: '2'.repeat(64) })
    await story.applySpec(spec(V2, { config: { 'httpserver/Reverser': { words: 'x'.repeat(131_072) } } }))
    await story.until('it is said', isStalled('InvalidSpec'))
    const { message } = (await story.condition('Stalled')) ?? {}
    expect(message).toMatch(/^spec\.config: group "\S+" cannot be started: .* has 131\d{3} bytes, and Linux takes 131072/)
    expect(await made(story)).toEqual(before)
    expect(await story.status()).toMatchObject({ active: v1, versions: [{ id: v1, weightDesired: 100 }] })
  }, 300_000)

  it('with a record that etcd does not take: the record is named, and the version before serves on', async () => {
    const { story, v1 } = await serving(server)
    const methods = Array.from({ length: 16 }, (_, i) => ({ name: `method${i}`, signature: '()'.padEnd(100_000) }))
    const [converter, ...others] = GRAPH.components
    story.player.images.set(V2, { graph: { ...GRAPH, components: [{ ...converter!, methods }, ...others] }, digest: '2'.repeat(64) }) // it has three
    await story.applySpec(spec(V2))
    await story.until('it is said', isStalled('WorkFailed'))
    const { message } = (await story.condition('Stalled')) ?? {}
    expect(message).toMatch(/^the record of version "\w+", its spec and its component graph, was not stored: .*too large/)
    expect(await story.status()).toMatchObject({ active: v1, versions: [{ id: v1, weightDesired: 100 }] })
  }, 300_000)
})

it('a process that the broker refuses: its last error is in status, not the lines before it', async () => {
  const story = await Story.start(server)
  const refused = 'NATS at nats://broker:4222 has refused this process for 20 s: Authorization Violation'
  const line = (level: LogEntry['level'], message: string, attributes = {}): string =>
    jsonLine({ time: '2026-01-01T00:00:00.000Z', level, message, attributes })
  story.player.lastWords =
    'message":"the end of a line"}\n' +
    line('warn', 'waiting for NATS', { reason: 'Authorization Violation'.repeat(12) }) +
    line('error', refused, { code: 'WEAVER_NATS_REFUSED' })
  story.player.behaviour = (workload) => (workload.includes('reverser') ? 'crash' : 'ready')
  await story.applySpec(spec(V1))
  const status = await story.until('two of three groups', (s) => s.ready === '2/3')
  expect(status.waitingFor).toMatch(
    /^version "\w+" to be ready: component "httpserver\/Reverser": pod "\S+": CrashLoopBackOff \(4 restarts\)/,
  )
  expect(status.waitingFor).toContain(`exit code 1: WEAVER_NATS_REFUSED: ${refused}`)
  expect(status.waitingFor).not.toContain('waiting for NATS')
}, 300_000)
