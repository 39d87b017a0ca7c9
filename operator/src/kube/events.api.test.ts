import { KINDS, type KubeApi, type KubeObject } from '@weaver/kube'
import { createLogger } from '../log/logger.js'
import { startApiServer, type ApiServer } from '../testing/api-server.js'
import { createEventRecorder } from './events.js'

let server: ApiServer
beforeAll(async () => {
  server = await startApiServer({ withCrd: false })
}, 300_000)
afterAll(async () => {
  await server?.close()
})

let serial = 0
const subject = async (): Promise<KubeObject> =>
  server.api.create(KINDS.configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `app-${serial++}`, namespace: 'default' } })
const written = async (about: KubeObject) =>
  (await server.api.list(KINDS.events, { namespace: 'default' })).items.filter(
    (e) => (e['regarding'] as { readonly uid?: string } | undefined)?.uid === about.metadata.uid,
  )
const log = createLogger({ write: () => undefined })
const EVENT = { type: 'Warning', reason: 'VersionFailed', message: 'version "a" failed' } as const

describe('events', () => {
  it('are written about the object, and once in ten minutes', async () => {
    let now = Date.now()
    const recorder = createEventRecorder({ api: server.api, instance: 'operator-0', log, now: () => now })
    const [app, other] = [await subject(), await subject()]
    for (let i = 0; i < 3; i++) recorder.emit(app, EVENT)
    recorder.emit(app, { ...EVENT, message: 'version "b" failed' })
    recorder.emit(other, EVENT)
    await recorder.flush()
    expect((await written(app)).map((e) => e['note']).sort()).toEqual(['version "a" failed', 'version "b" failed'])
    expect((await written(other))[0]).toMatchObject({
      type: 'Warning',
      reason: 'VersionFailed',
      reportingController: 'weaver.dev/operator',
      reportingInstance: 'operator-0',
    })
    now += 9 * 60_000
    recorder.emit(app, EVENT)
    await recorder.flush()
    expect(await written(app)).toHaveLength(2)
    now += 2 * 60_000
    recorder.emit(app, EVENT)
    await recorder.flush()
    expect(await written(app)).toHaveLength(3)
  })

  it('of any length and alphabet are accepted, cut to what the API server takes', async () => {
    const recorder = createEventRecorder({ api: server.api, instance: 'i', log })
    const app = await subject()
    for (const message of ['a'.repeat(3000), 'ü'.repeat(1500), '🚀'.repeat(700), `x${'€'.repeat(600)}`])
      recorder.emit(app, { ...EVENT, message })
    await recorder.flush()
    const notes = (await written(app)).map((e) => String(e['note']))
    expect(notes).toHaveLength(4)
    for (const note of notes) {
      expect(Buffer.byteLength(note)).toBeGreaterThan(1_015)
      expect(note).toMatch(/^x?(a+|ü+|(🚀)+|€+)…$/u)
    }
  })

  it('that cannot be written are logged, stop nothing, and may be tried again', async () => {
    const lines: string[] = []
    let isDown = true
    const api: KubeApi = {
      ...server.api,
      create: (...args) => (isDown ? Promise.reject(new Error('no route')) : server.api.create(...args)),
    }
    const recorder = createEventRecorder({ api, instance: 'i', log: createLogger({ write: (line) => void lines.push(line) }) })
    const app = await subject()
    recorder.emit(app, EVENT)
    await recorder.flush()
    expect(lines.join('')).toContain('no route')
    isDown = false
    recorder.emit(app, EVENT)
    await recorder.flush()
    expect(await written(app)).toHaveLength(1)
  })
})
