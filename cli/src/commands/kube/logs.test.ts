/**
 * `weaver kube logs` against a server that answers as an API server does which has two pods: no
 * kubelet runs beside the real one of the other tests.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LABELS } from '@weaver/crds'
import { BOOTSTRAP_ENV, jsonLine, type LogEntry } from '@weaver/sdk/contract'
import { anError } from '../../testing/an-error.js'
import { runWeaver, type Ran } from '../../testing/run-weaver.js'

const entry = (more: Partial<LogEntry>): string =>
  jsonLine({ time: '2026-11-24T10:00:00.000Z', level: 'info', message: 'm', app: 'shop', attributes: {}, ...more })
const LOGS: Readonly<Record<string, readonly string[]>> = {
  'shop-web-1-aaaaa': [
    `2026-11-24T10:00:00.000000001Z ${entry({ message: 'started' })}`,
    `2026-11-24T10:00:02.000000000Z ${entry({ message: 'item added', component: 'shop/Cart', attributes: { sku: 'tea' } })}`,
    `2026-11-24T10:00:04.000000000Z ${entry({ message: 'the broker refused something', level: 'warn' })}`,
  ],
  'shop-text-1-bbbbb': ['2026-11-24T10:00:01.000000000Z a plain line\n', '2026-11-24T10:00:03.000000000Z {"not": "an entry"}\n'],
}

let server: Server
let folder: string
beforeAll(async () => {
  const pod = (name: string): unknown => ({
    metadata: { name, uid: name, labels: { [LABELS.group]: name.split('-')[1], [LABELS.version]: '0123abcd' } },
    spec: {
      containers: [
        { name: 'app', env: name.includes('web') ? [{ name: BOOTSTRAP_ENV, value: JSON.stringify({ components: ['shop/Cart'] }) }] : [] },
      ],
    },
    status: { containerStatuses: [{ restartCount: 0, state: { running: {} } }] },
  })
  server = createServer((request, response) => {
    const path = (request.url ?? '').split('?', 1)[0] ?? ''
    const log = /\/pods\/([^/]+)\/log$/.exec(path)?.[1]
    if (log !== undefined) return void response.end((LOGS[log] ?? []).join(''))
    const body = path.endsWith('/pods')
      ? { items: Object.keys(LOGS).map(pod) }
      : { metadata: { name: 'shop', generation: 1 }, spec: { groups: [{ name: 'front', components: ['shop/Cart'] }] } }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(body))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  folder = await mkdtemp(join(tmpdir(), 'weaver-kube-logs-'))
  const { port } = server.address() as { readonly port: number } // a TCP server that listens has one
  await writeFile(
    join(folder, 'kubeconfig'),
    `clusters: [{ name: t, cluster: { server: "http://127.0.0.1:${port}" } }]\nusers: [{ name: t, user: {} }]\ncontexts: [{ name: t, context: { cluster: t, user: t } }]\ncurrent-context: t\n`,
  )
})
afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await rm(folder, { recursive: true })
})

const logs = (...args: readonly string[]): Promise<Ran> =>
  runWeaver(['kube', 'logs', 'shop', ...args], { cwd: folder, env: { KUBECONFIG: join(folder, 'kubeconfig'), HOME: folder } })
const lines = async (...args: readonly string[]): Promise<readonly string[]> => (await logs(...args)).stdout.trimEnd().split('\n')

describe('weaver kube logs', () => {
  it('merges the pods by time, prints entries for people and other lines as they are, and leaves out what the runtime says', async () => {
    const [plain, added, odd, warning, ...more] = await lines()
    expect(more).toEqual([])
    expect(plain).toBe('0123abcd/text/bbbbb a plain line')
    expect(added).toMatch(/^0123abcd\/web\/aaaaa 10:00:00\.000 I shop\/Cart .*│ item added {2}sku=tea$/)
    expect(odd).toBe('0123abcd/text/bbbbb {"not": "an entry"}')
    expect(warning).toContain('the broker refused something')
    expect((await lines('--system'))[0]).toContain('started')
  })

  it('takes a query, also over plain lines', async () => {
    expect(await lines('--query', 'component == "Cart" && attrs["sku"] == "tea"')).toEqual([expect.stringContaining('item added')])
    expect(await lines('--query', 'level == "stdout" && group == "text" && node == "bbbbb" && msg.contains("plain")')).toEqual([
      '0123abcd/text/bbbbb a plain line',
    ])
    expect(await logs('--query', 'levl == "info"')).toEqual(anError(2, 'Unknown variable: levl', 'did you mean level?'))
  })

  it('finds the pods of a group by what they host: they may carry the name that it had before (issue 10, 41)', async () => {
    for (const flags of [
      ['--group', 'front'],
      ['--component', 'shop/Cart'],
    ])
      expect((await lines(...flags, '--json')).map((line) => (JSON.parse(line) as { readonly pod: string }).pod)).toEqual([
        'shop-web-1-aaaaa',
        'shop-web-1-aaaaa',
      ])
    for (const flags of [
      ['--group', 'text'],
      ['--component', 'shop/Text'],
    ])
      expect((await lines(...flags))[0]).toBe('0123abcd/text/bbbbb a plain line')
    expect(await logs('--group', 'none')).toMatchObject({ code: 0, stdout: '', stderr: expect.stringContaining('in group "none"') })
  })

  it('prints an object for each line with --json', async () => {
    const found = (await lines('--json', '--query', 'level in ["info", "stdout"]')).map((line) => JSON.parse(line) as unknown)
    const where = { version: '0123abcd', group: 'text', pod: 'shop-text-1-bbbbb' }
    expect(found).toMatchObject([
      { ...where, text: 'a plain line' },
      { group: 'web', entry: { msg: 'item added', sku: 'tea' } },
      { ...where, entry: { not: 'an entry' } },
    ])
  })
})
