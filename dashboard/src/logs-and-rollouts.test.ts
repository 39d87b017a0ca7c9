/** What the server says of logs and rollouts, over real connections; start-dashboard.test.ts has who may ask, and the pages. */
import { buildPackage } from '../../scripts/build-example.js'
import type { RolloutState } from './rollout/rollout-watch.js'
import { startDashboard, type Dashboard } from './start-dashboard.js'
import { dashboardClient } from './testing/dashboard-client.js'
import { fakeLogs, fakeRollouts, fakeSource, logEntry } from './testing/fake-source.js'

let dashboard: Dashboard
const problems: unknown[] = []
const { ask, enter, readEvents, bearer } = dashboardClient(() => dashboard)
beforeAll(() => {
  buildPackage('dashboard')
  buildPackage('dashboard/tsconfig.browser.json')
}, 900_000)
beforeEach(async () => {
  problems.length = 0
  dashboard = await startDashboard(fakeSource(), { onProblem: (problem) => problems.push(problem) })
})
afterEach(async () => {
  await dashboard.close()
  expect(problems).toEqual([])
})

describe('the log', () => {
  const entries = Array.from({ length: 1_200 }, (_, i) => logEntry(`line ${i}`, { level: i % 100 === 0 ? 'error' : 'info' }))
  const get = (path: string): ReturnType<typeof ask> => ask(`/api/v1/deployments/d-1/logs${path}`, bearer())
  beforeEach(async () => {
    await dashboard.close()
    const source = { ...fakeSource(), logs: fakeLogs((written = [...entries])) }
    dashboard = await startDashboard(source, { watchedMs: 20, onProblem: (problem) => problems.push(problem) })
  })
  let written: (typeof entries)[number][]
  const messages = (text: string): readonly string[] => text.trimEnd().split('\n').map((line) => (JSON.parse(line) as { readonly msg: string }).msg) // prettier-ignore

  it('is there as lines, selected and cut as the command does it', async () => {
    const all = await get('')
    expect(all.headers['content-type']).toBe('application/x-ndjson')
    expect(messages(all.text)).toEqual(entries.map(({ message }) => message))
    expect(messages((await get('?tail=2&query=9')).text)).toEqual(['line 1198', 'line 1199'])
    expect(messages((await get('?level=error&level=none&tail=2')).text)).toEqual(['line 1000', 'line 1100'])
    expect(await get('?tail=x')).toMatchObject({ status: 400, text: '{"message":"tail \\"x\\" is not a number"}' })
    expect(await get('/none')).toMatchObject({ status: 404 })
    expect(await ask('/api/v1/deployments/none/logs/events', bearer())).toMatchObject({ status: 404 })
  })

  it('says where a query is wrong', async () => {
    const { status, text } = await get('?query=wrong')
    expect([status, JSON.parse(text)]).toEqual([400, { message: 'the query is wrong:\n>    1 | wrong\n             ^' }])
    const { mount, cookie } = await enter()
    const page = await ask(`${mount}d/d-1/logs?query=wrong`, { cookie })
    expect(page.status).toBe(200)
    expect(page.text).toContain('role="alert" tabindex="0">the query is wrong:\n>    1 | wrong\n             ^</pre>')
  })

  it('is followed by events, and a viewer that comes back goes on where it was', async () => {
    const rowsIn = (text: string): readonly number[] => [...text.matchAll(/"row":(\d+)/g)].map(([, row]) => Number(row))
    const path = '/api/v1/deployments/d-1/logs/events'
    const first = await readEvents(path, bearer(), (text) => text.includes('"row":1199'))
    expect(rowsIn(first)).toEqual(Array.from({ length: 200 }, (_, i) => 1_000 + i))
    expect(first).toContain('"counts":{"error":12,"info":1188}')
    const [, epoch = ''] = /^id: (.+):1200$/m.exec(first) ?? []
    written.push(logEntry('one more'))
    expect(rowsIn(await readEvents(path, { ...bearer(), 'last-event-id': `${epoch}:700` }, (text) => text.includes('one more')))).toEqual(
      Array.from({ length: 501 }, (_, i) => 700 + i),
    )
    expect(rowsIn(await readEvents(path, { ...bearer(), 'last-event-id': 'other:700' }, (text) => text.includes('one more')))).toHaveLength(
      200,
    )

    // As lines, too.
    const over = new AbortController()
    const response = await fetch(new URL('/api/v1/deployments/d-1/logs?tail=1&follow=1', dashboard.url), {
      headers: bearer(),
      signal: over.signal,
    })
    let text = ''
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk
      if (text.includes('the last')) break
      written.push(logEntry('the last'))
    }
    over.abort()
    expect(messages(text).slice(0, 2)).toEqual(['one more', 'the last'])
  })

  it('of a deployer that keeps none is not there', async () => {
    await dashboard.close()
    dashboard = await startDashboard(fakeSource(), { onProblem: (problem) => problems.push(problem) })
    expect(await get('')).toMatchObject({ status: 404, text: '{"message":"`weaver multi` keeps no logs"}' })
  })
})

describe('a rollout', () => {
  let rollouts: ReturnType<typeof fakeRollouts>
  beforeEach(async () => {
    await dashboard.close()
    rollouts = fakeRollouts()
    dashboard = await startDashboard({ ...fakeSource(), rollouts }, { watchedMs: 20, onProblem: (problem) => problems.push(problem) })
  })

  it('is acted on by the page itself, which asks once more, or by token; by nobody else', async () => {
    const { mount, cookie } = await enter()
    const { host } = new URL(dashboard.url)
    const form = { cookie, 'content-type': 'application/x-www-form-urlencoded' }
    const own = { ...form, origin: `http://${host}` }
    const page = await ask(`${mount}r/shop`, { cookie })
    expect(page.text).toContain('href="r/shop?ask=pause"')
    expect(page.text).not.toContain('<form')
    expect((await ask(`${mount}r/shop?ask=pause`, { cookie })).text).toMatch(/<form class="ask" method="post" action="r\/shop\/pause"/)
    for (const [path, headers, status] of [
      [`${mount}r/shop/pause`, form, 403],
      [`${mount}r/shop/pause`, { ...form, origin: 'http://evil.example' }, 403],
      [`${mount}r/shop/pause`, { ...own, 'sec-fetch-site': 'cross-site' }, 403],
      [`${mount}r/shop/pause`, { ...own, cookie: '' }, 401],
      [`${mount}r/shop/pause`, { ...bearer(), origin: own.origin }, 401],
      [`${mount}r/shop/none`, own, 404],
      [`${mount}r/none/pause`, own, 404],
      [`${mount}d/d-1/pause`, own, 405],
      ['/api/v1/rollouts/shop/pause', own, 401],
      ['/api/v1/rollouts/shop/pause', { ...bearer(), origin: 'http://evil.example' }, 403],
    ] as const)
      expect([path, headers, (await ask(path, headers, 'POST')).status]).toEqual([path, headers, status])
    expect((await ask(`${mount}r/shop/pause`, { cookie })).status).toBe(404)
    expect((await ask(`${mount}r/shop/pause`, own, 'POST', `message=${'x'.repeat(20_000)}`)).status).toBe(413)
    expect((await ask('/api/v1/rollouts/shop/pause', bearer(), 'POST', '{')).status).toBe(400)
    expect(rollouts.asked).toEqual([])

    const done = await ask(`${mount}r/shop/pause`, own, 'POST', 'message=the+cart+is+slow')
    expect([done.status, done.headers['location']]).toEqual([303, `${mount}r/shop`])
    expect((await ask(`${mount}r/shop`, { cookie })).text).toContain('<b>pause</b> (the cart is slow): <span class>pause it is</span>')
    expect(await ask('/api/v1/rollouts/shop/retry', bearer(), 'POST')).toMatchObject({
      status: 409,
      text: '{"message":"no version has failed"}',
    })
    const promoted = await ask('/api/v1/rollouts/shop/promote', bearer(), 'POST', '{"message":"now"}')
    expect([promoted.status, JSON.parse(promoted.text)]).toEqual([
      200,
      expect.objectContaining({ verb: 'promote', note: 'now', answer: 'promote it is' }),
    ])
    expect(rollouts.asked).toEqual([
      { app: 'shop', verb: 'pause', note: 'the cart is slow' },
      { app: 'shop', verb: 'retry' },
      { app: 'shop', verb: 'promote', note: 'now' },
    ])
  })

  it('is followed: what was planned, each change that is observed, and its end', async () => {
    const move = (v2: number): void => {
      const { detail } = rollouts
      const regions = detail.regions.map((region) => ({ ...region, observed: { v1: 1 - v2, v2 } }))
      rollouts.detail = { ...detail, regions, projected: [] }
    }
    const states = (text: string): readonly RolloutState[] => [...text.matchAll(/^data: (.*)$/gm)].map(([, data = '']) => JSON.parse(data) as RolloutState) // prettier-ignore
    const text = await readEvents('/api/v1/rollouts/shop/events', bearer(), (so) => {
      const last = states(so).at(-1)?.track.observed.at(-1)?.fractions['west']?.['v2']
      if (last === 0.1) move(0.5)
      else if (last === 0.5) move(1)
      return last === 1
    })
    const { track } = states(text).at(-1) ?? {}
    expect(track?.planned).toHaveLength(2)
    const shares = track?.observed.map(({ fractions }) => fractions['west']?.['v2'] ?? 0) ?? []
    expect([...new Set(shares)]).toEqual([0.1, 0.5, 1])
    expect(shares.length).toBeLessThanOrEqual(6) // where each began and ended

    // Another rollout has another past.
    rollouts.detail = { ...fakeRollouts().detail, target: 'v3' }
    const [{ track: next }] = JSON.parse((await ask('/api/v1/rollouts', bearer())).text) as readonly [RolloutState]
    expect([next.target, ...new Set(next.observed.map(({ fractions }) => fractions['west']?.['v2']))]).toEqual(['v3', 0.1])

    rollouts.rollouts = async () => []
    expect((await ask('/api/v1/rollouts/shop', bearer())).status).toBe(404)
  })

  it('of a deployer without any is not there', async () => {
    await dashboard.close()
    dashboard = await startDashboard(fakeSource(), { onProblem: (problem) => problems.push(problem) })
    expect(await ask('/api/v1/rollouts', bearer())).toMatchObject({ status: 404, text: '{"message":"`weaver multi` has no rollouts"}' })
  })
})
