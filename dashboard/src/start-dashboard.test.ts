import { buildPackage } from '../../scripts/build-example.js'
import { loadAssets } from './server/assets.js'
import { startDashboard, type Dashboard } from './start-dashboard.js'
import { dashboardClient } from './testing/dashboard-client.js'
import { fakeLogs, fakeRollouts, fakeSource, logEntry, metricsOf, type FakeSource } from './testing/fake-source.js'

const EVIL = `"'><img src=x onerror=alert(1)></script><script>alert(2)</script><!--\u2028&amp;{{7*7}}`

let source: FakeSource
let dashboard: Dashboard
const problems: unknown[] = []
beforeAll(() => {
  buildPackage('dashboard')
  buildPackage('dashboard/tsconfig.browser.json')
}, 900_000)
beforeEach(async () => {
  problems.length = 0
  source = fakeSource()
  dashboard = await startDashboard(source, { watchedMs: 20, onProblem: (problem) => problems.push(problem) })
})
afterEach(async () => {
  await dashboard.close()
  await dashboard.close()
  expect(problems).toEqual([])
})

const { ask, enter, readEvents, bearer } = dashboardClient(() => dashboard)

describe('who may ask', () => {
  it('is who has the token: pages by the cookie, programs by the header, and neither by the other', async () => {
    const { mount, cookie } = await enter()
    expect(await ask(mount, { cookie })).toMatchObject({ status: 200 })
    expect(await ask('/api/v1/deployments', bearer())).toMatchObject({ status: 200 })
    for (const [path, headers] of [
      [mount, {}],
      [mount, bearer()],
      [mount, { cookie: 'weaver-dashboard=x' }],
      [`${mount}d/d-1`, {}],
      [`${mount}assets/dashboard.css`, {}],
      ['/api/v1/deployments', {}],
      ['/api/v1/deployments', { cookie }],
      ['/api/v1/deployments', bearer('x')],
      ['/', {}],
      ['/?token=x', {}],
      ['/favicon.ico', {}],
    ] as const) {
      const { status, text, headers: answered } = await ask(path, headers)
      expect([path, status, answered['www-authenticate']]).toEqual([path, 401, expect.stringMatching(/^Bearer /)])
      expect(text).not.toContain('shop')
      expect(text).toContain(path.startsWith('/api/') ? 'Authorization: Bearer TOKEN' : 'open the dashboard by the URL')
    }
    expect(new URL(dashboard.url).searchParams.get('token')).not.toBe(cookie.split('=')[1])
  })

  it('opens once with a ticket, and as often as it likes with the URL', async () => {
    const ticket = dashboard.ticketUrl()
    expect(await ask(`/${new URL(ticket).search}`, {}, 'HEAD')).toMatchObject({ status: 401 })
    const { mount, cookie } = await enter(ticket)
    expect(await ask(mount, { cookie })).toMatchObject({ status: 200 })
    expect(await ask(`/${new URL(ticket).search}`)).toMatchObject({ status: 401 })
    await enter()
    await enter()
  })

  it('asks under a name of loopback, and from no other site', async () => {
    const { mount, cookie } = await enter()
    const { port, host } = new URL(dashboard.url)
    for (const good of [{}, { host: `localhost:${port}` }, { origin: `http://${host}`, 'sec-fetch-site': 'same-origin' }])
      expect(await ask(mount, { cookie, ...good })).toMatchObject({ status: 200 })
    for (const bad of [
      { host: `evil.example:${port}` },
      { host: '127.0.0.1' },
      { host: `127.0.0.1.evil.example:${port}` },
      { origin: 'http://evil.example' },
      { origin: 'null' },
      { origin: `http://localhost:${port}` }, // of another page on loopback than the one that is asked
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ])
      expect([bad, (await ask(mount, { cookie, ...bad })).status]).toEqual([bad, 403])
    expect(await ask(mount, { cookie }, 'POST')).toMatchObject({ status: 403 })
    expect(await ask(mount, { cookie, origin: `http://${host}` }, 'POST')).toMatchObject({ status: 405 })
  })

  it('gets nothing for odd paths, and the server goes on', async () => {
    const { mount, cookie } = await enter()
    for (const [path, status] of [
      [`${mount}assets/../../package.json`, 404],
      [`${mount}assets/%2e%2e/%2e%2e/package.json`, 404],
      [`${mount}assets/browser/`, 404],
      [`${mount}d/%ff`, 400],
      [`${mount}d/none`, 404],
      [`${mount}d/d-1/none`, 404],
      [`${mount}d/__proto__/events`, 404],
      ['//', 400],
    ] as const)
      expect([path, (await ask(path, { cookie })).status]).toEqual([path, status])
    for (const path of ['deployments/d-1/none', 'deployments/d-1/constructor', 'x', ''])
      expect([path, (await ask(`/api/v1/${path}`, bearer())).status]).toEqual([path, 404])
    expect(await ask(mount, { cookie })).toMatchObject({ status: 200 })
  })
})

describe('hostile input', () => {
  it('is text on every page, whatever it is the name of', async () => {
    source = fakeSource({
      app: EVIL,
      location: EVIL,
      configFile: EVIL,
      broker: EVIL,
      groups: [
        {
          name: EVIL,
          components: [EVIL],
          replicas: [{ replica: EVIL, state: EVIL, restarts: 1, lastDeath: { at: EVIL, cause: EVIL, lines: [EVIL, '</pre>'] } }],
        },
      ],
      listeners: [{ name: EVIL, group: EVIL, address: EVIL, url: `javascript:alert(1)//${EVIL}`, backends: 1 }],
      config: { [EVIL]: { [EVIL]: EVIL } },
      commands: [{ text: EVIL, does: EVIL }],
    })
    source.replies = [metricsOf('r', [{ calls: 3, errors: 1, caller: EVIL, component: EVIL, method: EVIL }])]
    const hostile = {
      replica: EVIL,
      group: EVIL,
      component: EVIL,
      traceId: EVIL,
      source: EVIL,
      attributes: { [EVIL]: EVIL, err: { stack: EVIL } },
    }
    const logs = fakeLogs([logEntry(`${EVIL}\u202e\u0000\n${'x'.repeat(100_000)}`, hostile)])
    await dashboard.close()
    const [region] = fakeRollouts().detail.regions
    const rollouts = fakeRollouts({
      app: EVIL,
      target: EVIL,
      versions: [{ id: EVIL, status: EVIL, submittedAt: EVIL, blame: EVIL, copies: { [EVIL]: EVIL } }],
      regions: region === undefined ? [] : [{ ...region, name: EVIL, waitingFor: EVIL, verdict: { kind: 'fail', text: EVIL } }],
      failure: { version: EVIL, at: EVIL, region: EVIL, message: EVIL },
      history: [{ at: EVIL, region: EVIL, version: EVIL, kind: EVIL, isWarning: true, message: EVIL }],
    })
    dashboard = await startDashboard({ ...source, logs, rollouts }, { onProblem: (problem) => problems.push(problem) })
    const { mount, cookie } = await enter()
    for (const path of [
      '',
      'd/d-1',
      'd/d-1/methods',
      'd/d-1/traffic',
      'd/d-1/logs',
      `d/d-1/logs?query=${encodeURIComponent(EVIL)}`,
      `d/d-1/methods?window=${encodeURIComponent(EVIL)}`,
      `r/${encodeURIComponent(EVIL)}`,
      `r/${encodeURIComponent(EVIL)}?ask=pause`,
    ]) {
      const { status, text, headers } = await ask(`${mount}${path}`, { cookie })
      expect([path, status]).toEqual([path, 200])
      expect(text).toContain('onerror=alert(1)') // as text
      expect(text).not.toMatch(/<img|<script>|<!--|href="javascript:/)
      // The scripts that we wrote, and no other.
      expect([...text.matchAll(/<script[^>]*>/g)].map(([tag]) => tag)).toEqual([
        '<script type="importmap">',
        expect.stringMatching(/^<script type="module" src="assets\/browser\/\w+\.js">$/),
        '<script type="application/json" id="state">',
      ])
      const state = /id="state">([^]*)<\/script><\/body>/.exec(text)?.[1] ?? ''
      expect(JSON.stringify(JSON.parse(state))).toContain('{{7*7}}')
      expect(String(headers['content-security-policy'])).toMatch(
        /^default-src 'none'; script-src 'self' 'sha256-[\w+/=]+'; style-src 'self'; /,
      )
      expect(String(headers['content-security-policy'])).not.toMatch(/unsafe|\*|http/)
      expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store', 'referrer-policy': 'same-origin' })
    }
  })
})

describe('what a page loads', () => {
  it('is at most 80 kB with everything, gzipped, and comes from here', async () => {
    const assets = [...loadAssets()]
    const sum = assets.reduce((bytes, [, { gzip }]) => bytes + gzip.length, 0)
    expect(sum).toBeLessThanOrEqual(80 * 1_024)
    // Comments of libraries name their homes; nothing is fetched from one.
    for (const [path, { body }] of assets)
      expect([path, /(?:fetch|import|url|src|href|EventSource)\s*[(=]\s*["'`]?(?:https?:)?\/\//.exec(body.toString())]).toEqual([
        path,
        null,
      ])
    await dashboard.close()
    dashboard = await startDashboard(
      { ...source, logs: fakeLogs([]), rollouts: fakeRollouts() },
      { onProblem: (problem) => problems.push(problem) },
    )
    const { mount, cookie } = await enter()
    for (const path of ['', 'd/d-1', 'd/d-1/methods', 'd/d-1/traffic', 'd/d-1/logs', 'r/shop']) {
      const { text } = await ask(`${mount}${path}`, { cookie })
      for (const [, link = ''] of text.matchAll(/(?:src|href)="(assets\/[^"]+)"/g)) {
        const { status, headers } = await ask(`${mount}${link}`, { cookie, 'accept-encoding': 'gzip' })
        expect([link, status, headers['content-encoding']]).toEqual([link, 200, 'gzip'])
        expect(await ask(`${mount}${link}`, { cookie, 'if-none-match': String(headers['etag']) })).toMatchObject({ status: 304, text: '' })
      }
    }
  })
})

describe('what goes on', () => {
  const states = (text: string): number => text.split('event: state\n').length - 1

  it('is sent as it changes; who asks for the headers alone gets them', async () => {
    for (const path of ['/api/v1/events', '/api/v1/deployments/d-1/events']) {
      expect(await ask(path, bearer(), 'HEAD')).toMatchObject({ status: 200, headers: { 'content-type': 'text/event-stream' }, text: '' })
      expect(await readEvents(path, bearer(), (text) => states(text) >= 1)).toContain('"app":"shop"')
    }
    await readEvents('/api/v1/deployments/d-1/events', bearer(), (text) => states(text) >= 3)
  })

  it('ends with the deployment', async () => {
    const text = await readEvents('/api/v1/deployments/d-1/events', bearer(), (so) => {
      source.detail = undefined
      return so.includes('event: ended')
    })
    expect(text).toContain('event: ended\ndata: {}\n\n')
    expect(await ask('/api/v1/deployments/d-1', bearer())).toMatchObject({
      status: 404,
      text: '{"message":"this deployment does not run"}',
    })
  })

  it('is there as JSON', async () => {
    source.replies = [metricsOf('a', [{ calls: 5 }])]
    const get = async (path: string): Promise<unknown> => JSON.parse((await ask(`/api/v1/${path}`, bearer())).text)
    expect(await get('deployments')).toMatchObject([{ key: 'd-1', app: 'shop', state: 'ready' }])
    expect(await get('deployments/d-1')).toMatchObject({ tool: 'weaver multi', deployment: { app: 'shop', pid: 4711 } })
    expect(await get('deployments/d-1/methods')).toMatchObject({ rows: [{ component: 'shop/Cart', method: 'add', total: { calls: 5 } }] })
    expect(await get('deployments/d-1/traffic')).toMatchObject([
      { caller: 'weaver/Main', component: 'shop/Cart', isRemote: true, total: { calls: 5 } },
    ])
  })
})
