// `weaver kube deploy` and what it shows of a rollout, against a real API server. No operator is
// there: the statuses that an operator would write, in the order in which it would, the test
// writes. (With a real operator: e2e.)
import { rm } from 'node:fs/promises'
import type { WeaverApp } from '@weaver/crds'
import { startApiServer, type ApiServer } from '../../testing/api-server.js'
import { runWeaver, startWeaver, type Ran, type RunningWeaver } from '../../testing/run-weaver.js'
import { eventually, makeNamespace, makeShop, type AppsOf } from '../../testing/shop.js'
import { createStyle, type Output } from '../../print/output.js'
import { followRollout, type FollowOptions } from './follow-rollout.js'

type Status = NonNullable<WeaverApp['status']>

let server: ApiServer
let shop: string
let apps: AppsOf
beforeAll(async () => {
  ;[server, shop] = await Promise.all([startApiServer(), makeShop()])
  await server.installCrd()
}, 300_000)
afterAll(async () => {
  await server.stop()
  await rm(shop, { recursive: true, force: true })
})
let count = 0
let namespace: string
beforeEach(async () => {
  namespace = `follow-${++count}`
  apps = await makeNamespace(server.admin, namespace)
})

const start = (more = ''): RunningWeaver =>
  startWeaver(`kube deploy weaver.toml --no-build --image r.example/shop:${count} -n ${namespace}${more}`.split(' '), {
    cwd: shop,
    env: { KUBECONFIG: server.kubeconfig },
  })
/** The version that a running deploy has applied. */
const applied = (running: RunningWeaver): Promise<string> =>
  eventually('the WeaverApp', () => /applied WeaverApp "follow-\d+\/shop", version "([^"]+)"/.exec(running.stderr())?.[1])
const shown = (running: RunningWeaver, text: string): Promise<true> =>
  eventually(`"${text}" on the screen`, () => running.stderr().includes(text) || undefined)
const condition = (type: string, message: string): NonNullable<Status['conditions']>[number] => ({
  type,
  status: 'True',
  reason: 'Test',
  message,
  lastTransitionTime: new Date(0).toISOString(),
})
const versions = (active: number, preview: number, id: string): Pick<Status, 'versions'> => ({
  versions: [
    { id: 'aaaaaaaa', image: 'r.example/shop:0', phase: 'Ready', ready: '2/2', weightDesired: active, weightObserved: active },
    { id, image: 'r.example/shop:1', phase: 'Ready', ready: '2/2', weightDesired: preview, weightObserved: preview },
  ],
})
const steps = ({ stderr }: Ran): readonly string[] => stderr.split('\n').flatMap((line) => /^ +[0-9.]+ s {2}(.*)$/.exec(line)?.[1] ?? [])

describe('a rollout that is followed', () => {
  it('is told step by step until the new version serves all traffic', async () => {
    const running = start(' --json')
    const id = await applied(running)
    await shown(running, 'Pending')
    await apps.status('shop', { phase: 'Progressing', active: 'aaaaaaaa', preview: id, step: '0/5', waitingFor: 'pods of "text"' })
    await shown(running, 'waiting for pods of "text"')
    // null: the operator applies its whole status, a merge patch does not
    await apps.status('shop', { weight: '25/25', step: '2/5', waitingFor: null as unknown as string, ...versions(75, 25, id) })
    await shown(running, 'step 2/5')
    await apps.status('shop', { weight: '100/100', step: '5/5', ...versions(0, 100, id) })
    await shown(running, 'step 5/5')
    await apps.status('shop', {
      phase: 'Ready',
      active: id,
      preview: null as unknown as string,
      step: null as unknown as string,
      conditions: [condition('Ready', 'it serves')],
    })
    const ran = await running.done
    expect(steps(ran)).toEqual([
      'Pending',
      `Progressing, active aaaaaaaa, preview ${id}, step 0/5, waiting for pods of "text"`,
      `Progressing, active aaaaaaaa, preview ${id}, weight 25/25, step 2/5`,
      `Progressing, active aaaaaaaa, preview ${id}, weight 100/100, step 5/5`,
      `Ready, active ${id}`,
    ])
    const summary = JSON.parse(ran.stdout) as { readonly times: Readonly<Record<string, number>> }
    expect(ran.code).toBe(0)
    expect(summary).toMatchObject({
      name: 'shop',
      namespace,
      generation: 1,
      version: id,
      image: `r.example/shop:${count}`,
      changed: true,
      outcome: 'ready',
    })
    const { applied: first = 0, firstTraffic = 0, fullTraffic = 0, done = 0 } = summary.times
    expect([first, firstTraffic, fullTraffic, done]).toEqual([first, firstTraffic, fullTraffic, done].sort((a, b) => a - b))
    expect(firstTraffic).toBeLessThan(fullTraffic)
  })

  it('that was done before is done at once', async () => {
    const running = start()
    const id = await applied(running)
    await apps.status('shop', { phase: 'Ready', active: id, conditions: [condition('Ready', 'it serves')] })
    await running.done
    const again = await start().done
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining(`version ${id} serves all traffic (nothing had changed)`) })
    expect((await apps.read('shop'))?.metadata.generation).toBe(1)
  })

  it('a Ready of the generation before is not taken for this one', async () => {
    await apps.create('shop')
    await apps.status('shop', { phase: 'Ready', active: 'aaaaaaaa', conditions: [condition('Ready', 'it serves')] })
    expect(await start(' --timeout 1s').done).toMatchObject({ code: 124, stdout: '' })
  })

  it('that fails ends with exit code 1, the reason, and what serves on', async () => {
    const running = start()
    await applied(running)
    await apps.status('shop', {
      phase: 'Failed',
      active: 'aaaaaaaa',
      conditions: [condition('Stalled', 'group "text" was not ready within 10m')],
    })
    const { code, stdout, stderr } = await running.done
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain(
      `error WEAVER_CLI_ROLLOUT_FAILED: the rollout of WeaverApp "${namespace}/shop" failed: group "text" was not ready within 10m. Version "aaaaaaaa" serves on\n`,
    )
    expect(stderr).not.toMatch(/\n\s+at /)
  })

  it('is left by Ctrl-C, and goes on', async () => {
    const running = start()
    await applied(running)
    await shown(running, 'Pending')
    const before = await apps.read('shop')
    running.interrupt()
    const { code, stdout, stderr } = await running.done
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' })
    expect(stderr).toMatch(/goes on\. `weaver kube status shop --namespace follow-\d+ --watch` shows how/)
    expect(await apps.read('shop')).toEqual(before)
  })

  it('is left when --timeout ends, and goes on', async () => {
    const { code, stderr } = await start(' --timeout 500ms').done
    expect({ code, stderr }).toEqual({
      code: 124,
      stderr: expect.stringMatching(/is not done after 0\.5 s: Pending\. The rollout goes on/),
    })
    expect(await apps.read('shop')).toBeDefined()
  })

  it('that someone overtakes is an error that says so', async () => {
    const running = start()
    await applied(running)
    await apps.patch('shop', { spec: { image: 'r.example/shop:later' } })
    expect(await running.done).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('someone changed it again (generation 2, this rollout is 1)'),
    })
  })

  it('of an application that is deleted is an error that says so', async () => {
    const running = start()
    await applied(running)
    await runWeaver(['kube', 'delete', 'shop', '--yes', '-n', namespace], { cwd: shop, env: { KUBECONFIG: server.kubeconfig } })
    expect(await running.done).toMatchObject({ code: 1, stderr: expect.stringContaining('was deleted while it was followed') })
  })

  it('--detach does not wait', async () => {
    const { code, stdout } = await start(' --detach').done
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/version \w+ was applied; `weaver kube status shop/) })
  })

  it('fields of another tool stay as they are with --no-force, and are taken over without it', async () => {
    await apps.create('shop', { spec: { image: 'r.example/other:1' } })
    const refused = await start(' --no-force --detach').done
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toMatch(/conflict.*\.spec\.image.*Leave out --no-force/)
    expect((await apps.read('shop'))?.spec.image).toBe('r.example/other:1')
    expect(await start(' --detach').done).toMatchObject({ code: 0 })
    expect((await apps.read('shop'))?.spec.image).toBe(`r.example/shop:${count}`)
  })
})

describe('followRollout', () => {
  const said: string[] = []
  const output: Output = {
    result: () => undefined,
    json: () => undefined,
    progress: (text) => void said.push(text),
    warn: (text) => void said.push(`warning: ${text}`),
    error: () => undefined,
    raw: () => undefined,
    style: createStyle(false),
    isColored: false,
    columns: 120,
  }
  const follow = (more: Partial<FollowOptions>): ReturnType<typeof followRollout> =>
    followRollout(
      server.admin,
      { output, onSignal: () => () => undefined },
      { app: { namespace, name: 'shop' }, generation: 1, version: 'bbbbbbbb', since: performance.now(), everyMs: 20, ...more },
    )
  beforeEach(() => void said.splice(0))

  it('warns once when no operator looks at the application', async () => {
    await apps.create('shop')
    await expect(follow({ unseenMs: 100, timeoutMs: 500 })).rejects.toMatchObject({ code: 'WEAVER_CLI_TIMEOUT' })
    expect(said.filter((line) => line.startsWith('warning'))).toEqual([
      expect.stringMatching(/no operator has looked at .* for 0\.1 s \(status\.observedGeneration is absent, 1 is wanted\)/),
    ])
  })

  it('waits a while for a stalled application to recover, then gives its reason', async () => {
    await apps.create('shop')
    const stalled = condition('Stalled', 'image "r.example/shop:1" cannot be pulled')
    await apps.status('shop', { phase: 'Progressing', conditions: [stalled] })
    await expect(follow({ stalledMs: 300 })).rejects.toMatchObject({
      code: 'WEAVER_CLI_ROLLOUT_FAILED',
      message: expect.stringContaining('is stuck: image "r.example/shop:1" cannot be pulled'),
    })

    const recovering = follow({ stalledMs: 2000 })
    await new Promise((resolve) => setTimeout(resolve, 200))
    await apps.status('shop', { phase: 'Ready', conditions: [condition('Ready', 'it serves')] })
    await expect(recovering).resolves.toHaveProperty('done')
  })

  it('redraws in place where there is a terminal', async () => {
    await apps.create('shop')
    const drawn: (readonly string[])[] = []
    let isLeft = false
    const live = { draw: (lines: readonly string[]) => void drawn.push(lines), done: () => void (isLeft = true) }
    await apps.status('shop', { phase: 'Progressing', active: 'aaaaaaaa', preview: 'bbbbbbbb', ...versions(75, 25, 'bbbbbbbb') })
    await expect(
      followRollout(
        server.admin,
        { output: { ...output, live }, onSignal: () => () => undefined },
        { app: { namespace, name: 'shop' }, generation: 1, version: 'bbbbbbbb', since: performance.now(), everyMs: 20, timeoutMs: 100 },
      ),
    ).rejects.toThrow('is not done after 0.1 s')
    const [head = '', titles = '', ...rows] = drawn.at(-1) ?? []
    expect(head).toMatch(/follow-\d+\/shop {2}Progressing/)
    expect(titles.trim().split(/ {2,}/)).toEqual(['VERSION', 'ROLE', 'PHASE', 'READY', 'OBSERVED', 'DESIRED', 'IN FLIGHT'])
    expect(rows[1]).toMatch(/bbbbbbbb +preview +Ready +2\/2 +25 % +25 %/)
    expect(rows.at(-1)).toContain('Ctrl-C leaves, the rollout goes on')
    expect({ isLeft, said }).toEqual({ isLeft: true, said: [] })
  })
})
