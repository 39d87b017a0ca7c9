// With one version's broker credentials nothing of another version can be reached or heard. Shown
// on the live broker, from inside the pods of v1 while v1 and v2 both run and both answer requests,
// with a positive control: the same probe, aimed at v1 itself, must reach and hear it. A group's
// user is held back by its permissions as well as by its account; that the account alone is wall
// enough is shown with a user without permissions in operator/src/broker/broker.nats.test.ts.
import { getApp, kubectl, pods } from '../support/kube.js'
import { startLoad } from '../support/load.js'
import { createNamespace, deleteNamespace, platformFromEnvironment, weaver } from '../support/platform.js'
import { makeRelease } from '../support/release.js'
import { watchRollout } from '../support/rollout.js'

const NAMESPACE = 'story-isolation'
const platform = platformFromEnvironment()

beforeAll(() => createNamespace(NAMESPACE))
afterAll(() => deleteNamespace(NAMESPACE))

/**
 * Runs in a v1 pod, with its own credentials: tries every way to the subjects of a deployment, and
 * tells what came back.
 */
const PROBE = `
import { connect, credsAuthenticator } from '@nats-io/transport-node'
import { readFileSync } from 'node:fs'
const target = process.argv[1]
const boot = JSON.parse(process.env.WEAVER_BOOTSTRAP)
const nc = await connect({ servers: boot.nats.servers, authenticator: credsAuthenticator(readFileSync(boot.nats.credsFile)), inboxPrefix: 'wv.' + boot.deploymentId + '.i.' + boot.group + '._probe', reconnect: false, noAsyncTraces: true })
const status = []
;(async () => { for await (const s of nc.status()) if (s.type === 'error') status.push(s.error.message) })()
const heard = []
const subjects = ['wv.' + target + '.c.httpserver/Reverser', 'wv.' + target + '.c.httpserver/Converter', 'wv.' + target + '.ctl.all', 'wv.' + target + '.evt', 'wv.' + target + '.i.x', 'wv.' + target + '.i.' + boot.group + '.>', 'wv.' + target + '.i.reverser.>', 'wv.' + target + '.i.>']
for (const s of [...subjects, 'wv.' + target + '.>', 'wv.*.c.>', '>', '$SYS.>', '_INBOX.>'])
  for (const queue of [undefined, 'q']) { try { nc.subscribe(s, { queue, callback: (e, m) => { if (!e && m.subject.includes(target + '.') && !m.subject.includes('_probe')) heard.push(m.subject) } }) } catch (e) { status.push(String(e)) } }
const answers = {}
await Promise.all(subjects.filter((s) => !s.endsWith('>')).map(async (s) => {
  try { const m = await nc.request(s, JSON.stringify({ kind: 'status' }), { timeout: 10_000 }); answers[s] = 'ANSWERED ' + m.data.length }
  catch (e) { answers[s] = String(e.code ?? e.message) }
  try { nc.publish(s, 'x') } catch (e) { status.push(String(e)) }
}))
await new Promise((r) => setTimeout(r, 3000))
console.log(JSON.stringify({ answers, heard: heard.slice(0, 20), refusals: status.filter((s) => /permission|authoriz/i.test(s)).length }))
process.exit(0)
`
async function probe(pod: string, target: string): Promise<{ answers: Record<string, string>; heard: string[]; refusals: number }> {
  return JSON.parse(await kubectl(['exec', pod, '-n', NAMESPACE, '--', 'node', '--input-type=module', '-e', PROBE, '--', target])) as {
    answers: Record<string, string>
    heard: string[]
    refusals: number
  }
}

const deploymentIdOf = async (pod: string): Promise<string> =>
  (await kubectl(['exec', pod, '-n', NAMESPACE, '--', 'node', '-p', 'JSON.parse(process.env.WEAVER_BOOTSTRAP).deploymentId'])).trim()
async function mainPod(version: string): Promise<string> {
  const [main] = await pods(NAMESPACE, `weaver.dev/version=${version},weaver.dev/group=main`)
  return main?.metadata.name ?? ''
}

it('v1 cannot reach or hear v2, whatever the subject', async () => {
  const first = await makeRelease({ release: 'v1', name: 'apart', rollout: '5s' })
  await weaver(['kube', 'deploy', `${first}/weaver.toml`, '--namespace', NAMESPACE])
  const v1 = (await getApp(NAMESPACE, 'apart')).status?.active ?? ''
  const second = await makeRelease({ release: 'v2', name: 'apart', rollout: '10m' })
  await weaver(['kube', 'deploy', `${second}/weaver.toml`, '--namespace', NAMESPACE, '--detach'])
  const { app } = await watchRollout(NAMESPACE, 'apart', {
    until: (now) => (now.status?.versions ?? []).some((version) => version.id === now.status?.preview && version.weightObserved === 10),
  })
  const v2 = app.status?.preview ?? ''
  expect(v2).not.toBe(v1)
  const [pod, other] = [await mainPod(v1), await mainPod(v2)]
  const [own, theirs] = [await deploymentIdOf(pod), await deploymentIdOf(other)]
  expect(own).not.toBe(theirs)
  const load = await startLoad({ namespace: NAMESPACE, name: 'load', url: 'http://apart-lis', rate: 100, image: platform.baseImage })
  const across = await probe(pod, theirs)
  expect(Object.values(across.answers).filter((answer) => answer.startsWith('ANSWERED'))).toEqual([])
  expect(across.heard).toEqual([])
  expect(across.refusals).toBeGreaterThan(0)
  // The control: the very same probe gets answers from its own version, where it may call, and
  // hears the answers that its replicas get.
  const within = await probe(pod, own)
  expect(within.answers[`wv.${own}.c.httpserver/Reverser`]).toMatch(/^ANSWERED/)
  expect(within.heard.length).toBeGreaterThan(10)
  // All the while users called both versions, whose components called each other.
  const { byRelease, failures, mixed } = await load.stop()
  expect(Object.keys(byRelease).sort()).toEqual(['v1', 'v2'])
  expect({ failures, mixed }).toEqual({ failures: [], mixed: 0 })
  // Also within its version: of the answers, only those to its own group.
  const inboxes = within.heard.filter((subject) => subject.startsWith(`wv.${own}.i.`))
  expect(inboxes.length).toBeGreaterThan(0)
  expect(inboxes.filter((subject) => !subject.startsWith(`wv.${own}.i.main.`))).toEqual([])
  const isolation = app.status?.conditions?.find((condition) => condition.type === 'Isolated')
  expect(isolation).toMatchObject({ status: 'True' })
})
