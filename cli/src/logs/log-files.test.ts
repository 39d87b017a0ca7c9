import { mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync, appendFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LogEntry } from '@weaver/sdk/contract'
import { createLogWriter, listLogFiles, removeOldLogs, type LogSource } from './log-files.js'
import { createLogReader } from './read-logs.js'

let folder: string
beforeEach(() => (folder = join(mkdtempSync(join(tmpdir(), 'weaver-logs-')), 'logs')))
afterEach(() => rmSync(join(folder, '..'), { recursive: true }))

const source = (more: Partial<LogSource> = {}): LogSource => ({
  app: 'shop',
  startedAt: 1_000,
  deploymentId: 'd-1',
  replica: 'r-1',
  ...more,
})
const entry = (at: number, message: string): LogEntry => ({ time: new Date(at).toISOString(), level: 'info', message, attributes: {} })
const fails = (error: unknown): void => {
  throw error
}
const writer = (of: LogSource, more: { readonly maxPartBytes?: number; readonly maxParts?: number } = {}) =>
  createLogWriter(folder, of, { onProblem: fails, ...more })
async function all(entries: AsyncGenerator<LogEntry>, enough = Infinity): Promise<readonly string[]> {
  const messages: string[] = []
  for await (const { message } of entries) if (messages.push(message) >= enough) break
  return messages
}
const everything = (): boolean => true

describe('log files', () => {
  it('hold the entries of each process, under names that say whose they are, for their owner only', () => {
    const odd = source({ app: 'a_b/ü %', deploymentId: '_', replica: '../x' })
    writer(odd).write(entry(1, 'one'))
    expect(listLogFiles(folder)).toEqual([{ ...odd, part: 1, path: expect.stringContaining(folder) }])
    expect(readdirSync(join(folder, '..'))).toEqual(['logs'])
    const [file] = listLogFiles(folder)
    expect(statSync(file?.path ?? '').mode & 0o777).toBe(0o600)
    expect(statSync(folder).mode & 0o777).toBe(0o700)
    writeFileSync(join(folder, 'notes.txt'), '')
    writeFileSync(join(folder, '1_%E0_a_b_0001.jsonl'), '')
    expect(listLogFiles(folder)).toHaveLength(1)
  })

  it('are cut into parts, of which the oldest go', async () => {
    const log = writer(source(), { maxPartBytes: 1_000, maxParts: 3 })
    for (let i = 0; i < 100; i++) log.write(entry(i, `message ${i}`))
    log.close()
    expect(listLogFiles(folder)).toHaveLength(3)
    const messages = await all(createLogReader(folder, everything).read())
    expect(messages.at(-1)).toBe('message 99')
    expect(messages.length).toBeGreaterThan(20)
    expect(messages.length).toBeLessThan(60)
    expect(messages).toEqual(Array.from({ length: messages.length }, (_, i) => `message ${100 - messages.length + i}`))
  })

  it('that cannot be written do not disturb who writes: it is told once, and tried again', async () => {
    writeFileSync(folder, 'a file where the folder should be')
    const problems: unknown[] = []
    const log = createLogWriter(folder, source(), { onProblem: (error) => problems.push(error) })
    log.write(entry(1, 'lost'))
    log.write(entry(2, 'lost'))
    expect(problems).toEqual([expect.objectContaining({ code: 'EEXIST' })])
    rmSync(folder)
    log.write(entry(3, 'kept'))
    expect(await all(createLogReader(folder, everything).read())).toEqual(['kept'])
  })

  it('that are old are removed, others stay', () => {
    writer(source({ replica: 'old' })).write(entry(1, 'a'))
    writer(source({ replica: 'new' })).write(entry(1, 'b'))
    const old = listLogFiles(folder).find(({ replica }) => replica === 'old')
    utimesSync(old?.path ?? '', 1_000, 1_000)
    removeOldLogs(folder, 2_000_000)
    expect(listLogFiles(folder).map(({ replica }) => replica)).toEqual(['new'])
    removeOldLogs(join(folder, 'none'), 0)
  })
})

describe('reading them', () => {
  it('merges processes by time, keeps the order of each, and passes over what is no entry', async () => {
    const [a, b] = [writer(source({ replica: 'a' })), writer(source({ replica: 'b' }))]
    for (const at of [1, 3, 5, 4]) a.write(entry(at, `a${at}`))
    for (const at of [2, 3, 6]) b.write(entry(at, `b${at}`))
    appendFileSync(listLogFiles(folder)[0]?.path ?? '', 'no entry\n{"half":')
    expect(await all(createLogReader(folder, everything).read())).toEqual(['a1', 'b2', 'a3', 'b3', 'a5', 'a4', 'b6'])
    expect(await all(createLogReader(folder, ({ replica }) => replica === 'b').read())).toEqual(['b2', 'b3', 'b6'])
    expect(await all(createLogReader(join(folder, 'none'), everything).read())).toEqual([])
  })

  it('reads lines longer than a chunk, and characters that lie across two', async () => {
    const log = writer(source())
    const long = 'ä'.repeat(200_001)
    for (const text of ['before', long, 'after']) log.write(entry(1, text))
    expect(await all(createLogReader(folder, everything).read())).toEqual(['before', long, 'after'])
  })

  it('gives nothing twice, and half a line only when it is whole', async () => {
    const log = writer(source())
    log.write(entry(1, 'first'))
    const path = listLogFiles(folder)[0]?.path ?? ''
    const line = JSON.stringify({ ts: new Date(2).toISOString(), level: 'info', msg: 'second' })
    appendFileSync(path, line.slice(0, 20))
    const reader = createLogReader(folder, everything)
    expect(await all(reader.read())).toEqual(['first'])
    expect(await all(reader.read())).toEqual([])
    appendFileSync(path, `${line.slice(20)}\n`)
    expect(await all(reader.read())).toEqual(['second'])
  })

  it('follows into new parts and new processes, until told to stop', async () => {
    const log = writer(source(), { maxPartBytes: 100, maxParts: 50 })
    log.write(entry(1, 'there'))
    const abort = new AbortController()
    const reader = createLogReader(folder, everything)
    const following = all(reader.follow(abort.signal), 12)
    for (let i = 0; i < 10; i++) {
      await new Promise((resolve) => setTimeout(resolve, 30))
      log.write(entry(2 + i, `next ${i}`))
    }
    writer(source({ deploymentId: 'later', startedAt: 2_000 })).write(entry(50, 'of another'))
    const messages = await following
    expect([...messages].sort()).toEqual(['there', ...Array.from({ length: 10 }, (_, i) => `next ${i}`), 'of another'].sort())
    const stopped = all(reader.follow(abort.signal))
    abort.abort()
    expect(await stopped).toEqual([])
  })
})
