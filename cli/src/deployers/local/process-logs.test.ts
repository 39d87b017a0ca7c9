import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LogFeed, PlacedEntry } from '@weaver/dashboard'
import type { LogEntry } from '@weaver/sdk/contract'
import { createLogWriter, listLogFiles, type LogWriter } from '../../logs/log-files.js'
import { createProcessLogs } from './process-logs.js'

let folder: string
let feed: LogFeed
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weaver-logs-'))
  feed = createProcessLogs(folder)
})
afterEach(() => rmSync(folder, { recursive: true }))

const entry = (at: number, message: string, more: Partial<LogEntry> = {}): LogEntry => ({
  time: new Date(at).toISOString(),
  level: 'info',
  message,
  attributes: {},
  ...more,
})
const writer = (replica: string, deploymentId = 'd-1'): LogWriter =>
  createLogWriter(
    folder,
    { app: 'shop', startedAt: 1, deploymentId, replica },
    {
      maxPartBytes: 500_000,
      onProblem(error) {
        throw error
      },
    },
  )
/** Until an entry with this message has come. */
async function until(message: string, key = 'd-1'): Promise<readonly PlacedEntry[]> {
  const over = new AbortController()
  const found: PlacedEntry[] = []
  for await (const { entries } of feed.follow(key, over.signal)) {
    found.push(...entries)
    if (entries.some((one) => one.entry.message === message)) over.abort()
  }
  return found
}

it('finds entries again by their places, over processes, parts and long lines, and says which are no longer kept', async () => {
  const [a, b, other] = [writer('a'), writer('b'), writer('c', 'd-2')]
  for (let i = 0; i < 2_000; i++)
    (i % 2 === 0 ? a : b).write(entry(i, `line ${i} ü`, { attributes: { text: 'x'.repeat(i % 500 === 0 ? 200_000 : 3) } }))
  other.write(entry(5, 'of another deployment'))
  b.write(entry(2_000, 'the last'))
  const placed = await until('the last', 'd-1.us-west1')
  expect(placed.map((one) => one.entry.message)).toEqual([...Array.from({ length: 2_000 }, (_, i) => `line ${i} ü`), 'the last'])
  const some = [2_000, 0, 1_500, 1_501, 1_502, 500, 3]
  const read = await feed.read(some.map((i) => placed[i]?.place ?? 0))
  expect(read).toEqual(some.map((i) => placed[i]?.entry))

  const [gone] = listLogFiles(folder)
  rmSync(gone?.path ?? '')
  expect(await feed.read([placed[0]?.place ?? 0, placed[1]?.place ?? 0])).toEqual([undefined, placed[1]?.entry])
  for (const one of [a, b, other]) one.close()
})

it('goes on with what is written later, by processes that start later, too', async () => {
  const a = writer('a')
  a.write(entry(1, 'first'))
  const over = new AbortController()
  const seen: string[] = []
  for await (const { entries, isCurrent } of feed.follow('d-1', over.signal)) {
    seen.push(...entries.map((one) => one.entry.message))
    if (isCurrent && seen.length === 1) {
      a.write(entry(3, 'third'))
      const b = writer('b')
      b.write(entry(2, 'second'))
      b.close()
    }
    if (seen.length >= 3) over.abort()
  }
  expect(seen).toEqual(['first', 'second', 'third'])
  a.close()
})

it('shows the place at which a query is wrong', () => {
  const selected = feed.select({ query: 'level == "error" && mesage == "x"', system: false })
  expect(selected).toEqual({ wrong: expect.stringMatching(/\| level == "error" && mesage == "x"\n +\^\n.*did you mean msg|fields: /s) })
  const right = feed.select({ query: 'level == "error"', system: true })
  if ('wrong' in right) throw new Error(right.wrong)
  expect([entry(1, 'a'), entry(1, 'b', { level: 'error' })].map(right.isShown)).toEqual([false, true])
})
