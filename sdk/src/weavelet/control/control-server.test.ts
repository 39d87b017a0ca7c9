import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ControlReply } from '../../contract/control.js'
import { CONTROL_PATH, parseSingleLaunch } from '../../contract/single.js'
import { createLogger, type LogSink } from '../../telemetry/logger.js'
import type { ControlTarget } from './control-channel.js'
import { serveControlSocket, startControlServer } from './control-server.js'

const logSink: LogSink = { level: 'info', write: () => undefined }
const target: ControlTarget = {
  deployment: { app: 'shop', deploymentId: 'd', versionId: 'v', group: 'main', replica: 'r', isSingle: true },
  logSink,
  log: createLogger(logSink),
  status: async () => ({ kind: 'ok' }),
  goodbye: () => undefined,
  routing: () => ({ kind: 'routing', assignments: [] }),
}

let folder: string
let socketPath: string
let server: { close(): Promise<void> }
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weaver-control-'))
  socketPath = join(folder, 'a.sock')
  server = await startControlServer(socketPath, target)
})
afterEach(async () => {
  await server.close()
  rmSync(folder, { recursive: true })
})

function ask(method: string, path: string, body = ''): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    request({ socketPath, method, path, agent: false }, (response) => {
      let text = ''
      response
        .on('data', (chunk: Buffer) => (text += chunk.toString()))
        .on('end', () => resolve({ status: response.statusCode ?? 0, text }))
    })
      .on('error', reject)
      .end(body)
  })
}
const control = async (body: unknown): Promise<ControlReply> =>
  JSON.parse((await ask('POST', CONTROL_PATH, JSON.stringify(body))).text) as ControlReply

describe('the control channel without a broker', () => {
  it('answers the same requests as over the broker', async () => {
    expect(await control({ kind: 'metrics' })).toMatchObject({ kind: 'metrics', replica: 'r', families: expect.any(Array) })
    expect(await control({ kind: 'logLevel', level: 'debug' })).toEqual({ kind: 'ok' })
    expect(logSink.level).toBe('debug')
    for (const wrong of [{ kind: 'x' }, [], 1, { kind: 'profile', type: 'cpu', seconds: 0 }])
      expect(await control(wrong)).toMatchObject({ kind: 'error', code: 'WEAVER_CONTROL_INVALID' })
  })

  it('refuses everything else, and goes on', async () => {
    expect((await ask('GET', CONTROL_PATH)).status).toBe(404)
    expect((await ask('POST', '/other')).status).toBe(404)
    expect((await ask('POST', CONTROL_PATH, 'x'.repeat(100_000))).status).toBe(413)
    expect(await control({ kind: 'status' })).toEqual({ kind: 'ok' })
  })

  it('takes longer requests where they are expected', async () => {
    await server.close()
    const answer = async (body: Uint8Array): Promise<unknown> => body.length
    server = await serveControlSocket(socketPath, { answer, onProblem: () => undefined, maxRequestBytes: 100_000 })
    expect(await ask('POST', CONTROL_PATH, 'x'.repeat(100_000))).toEqual({ status: 200, text: '100000' })
    expect((await ask('POST', CONTROL_PATH, 'x'.repeat(100_001))).status).toBe(413)
  })

  it('is for its user alone, and for one process', async () => {
    expect(statSync(socketPath).mode & 0o777).toBe(0o600)
    await expect(startControlServer(socketPath, target)).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await server.close()
    await expect(ask('POST', CONTROL_PATH, '{}')).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

describe('WEAVER_SINGLE', () => {
  it('is read, and refused where it is not what is understood', () => {
    const launch = { version: 1, deploymentId: 'd', controlSocket: '/s' }
    expect(parseSingleLaunch(JSON.stringify({ ...launch, later: 1 }))).toEqual(launch)
    for (const wrong of [
      '',
      '{',
      'null',
      '[]',
      JSON.stringify({ ...launch, version: 2 }),
      JSON.stringify({ ...launch, controlSocket: '' }),
    ])
      expect(() => parseSingleLaunch(wrong)).toThrow(expect.objectContaining({ code: 'WEAVER_BOOTSTRAP_INVALID' }))
  })
})
