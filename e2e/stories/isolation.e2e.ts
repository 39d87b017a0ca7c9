// With one version's broker credentials nothing of another version can be reached or heard. Shown on the live broker, from inside the pods of v1 while
// v1 and v2 both run, with a positive control: the same probe, aimed at v1 itself, must succeed.
import { getApp, kubectl, pods } from '../support/kube.js'
import { createNamespace, deleteNamespace, weaver } from '../support/platform.js'
import { makeRelease } from '../support/release.js'
import { watchRollout } from '../support/rollout.js'

const NAMESPACE = 'story-isolation'

beforeAll(() => createNamespace(NAMESPACE))
afterAll(() => deleteNamespace(NAMESPACE))

/** Runs in a v1 pod, with its own credentials: tries every way to the subjects of a deployment, and tells what came back. */
const PROBE = `
import { connect, credsAuthenticator } from 'nats'
import { readFileSync } from 'node:fs'
const target = process.argv[1]
const boot = JSON.parse(process.env.WEAVER_BOOTSTRAP)
const nc = await connect({ servers: boot.nats.servers, authenticator: credsAuthenticator(readFileSync(boot.nats.credsFile)), inboxPrefix: 'wv.' + boot.deploymentId + '.i.' + boot.replica, reconnect: false, noAsyncTraces: true })
const status = []
;(async () => { for await (const s of nc.status()) status.push(String(s.data)) })()
const heard = []
const subjects = ['wv.' + target + '.c.httpserver/Reverser', 'wv.' + target + '.c.httpserver/Converter', 'wv.' + target + '.ctl.all', 'wv.' + target + '.evt', 'wv.' + target + '.i.x']
for (const s of [...subjects, 'wv.' + target + '.>', 'wv.*.c.>', '>', '$SYS.>', '_INBOX.>'])
  for (const queue of [undefined, 'q']) { try { nc.subscribe(s, { queue, callback: (e, m) => { if (!e && !m.subject.includes(boot.deploymentId)) heard.push(m.subject) } }) } catch (e) { status.push(String(e)) } }
const answers = {}
for (const s of subjects) {
  try { const m = await nc.request(s, JSON.stringify({ kind: 'status' }), { timeout: 700 }); answers[s] = 'ANSWERED ' + m.data.length }
  catch (e) { answers[s] = String(e.code ?? e.message) }
  try { nc.publish(s, 'x') } catch (e) { status.push(String(e)) }
}
await new Promise((r) => setTimeout(r, 3000))
console.log(JSON.stringify({ answers, heard, refusals: status.filter((s) => /permission|authoriz/i.test(s)).length }))
process.exit(0)
`
async function probe(pod: string, target: string): Promise<{ answers: Record<string, string>; heard: string[]; refusals: number }> {
  return JSON.parse(
    await kubectl(['exec', pod, '-n', NAMESPACE, '--', 'node', '--input-type=module', '-e', PROBE, '--', target], { timeoutMs: 40_000 }),
  ) as { answers: Record<string, string>; heard: string[]; refusals: number }
}

it('v1 cannot reach or hear v2, whatever the subject', async () => {
  const first = await makeRelease({ release: 'v1', name: 'apart', rollout: '5s' })
  await weaver(['kube', 'deploy', `${first}/weaver.toml`, '--namespace', NAMESPACE], { timeoutMs: 180_000 })
  const v1 = (await getApp(NAMESPACE, 'apart')).status?.active ?? ''
  const second = await makeRelease({ release: 'v2', name: 'apart', rollout: '10m' })
  await weaver(['kube', 'deploy', `${second}/weaver.toml`, '--namespace', NAMESPACE, '--detach'], { timeoutMs: 180_000 })
  const { app } = await watchRollout(NAMESPACE, 'apart', {
    until: (now) => (now.status?.versions ?? []).some((version) => version.id === now.status?.preview && version.weightObserved === 10),
    timeoutMs: 120_000,
  })
  const v2 = app.status?.preview ?? ''
  expect(v2).not.toBe(v1)
  const [main] = await pods(NAMESPACE, `weaver.dev/version=${v1},weaver.dev/group=main`)
  const pod = main?.metadata.name ?? ''
  const across = await probe(pod, `apart-${v2}`)
  expect(Object.values(across.answers).filter((answer) => answer.startsWith('ANSWERED'))).toEqual([])
  expect(across.heard).toEqual([])
  expect(across.refusals).toBeGreaterThan(0)
  // The control: the very same probe does get answers from its own version, where it may call.
  const within = await probe(pod, `apart-${v1}`)
  expect(within.answers[`wv.apart-${v1}.c.httpserver/Reverser`]).toMatch(/^ANSWERED/)
  const isolation = app.status?.conditions?.find((condition) => condition.type === 'IsolationVerified')
  expect(isolation).toMatchObject({ status: 'True' })
})
