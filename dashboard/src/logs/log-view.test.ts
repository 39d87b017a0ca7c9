import type { LogFeed } from '../source.js'
import { fakeLogs, logEntry } from '../testing/fake-source.js'
import { createLogDesk } from './log-desk.js'
import { LogView } from './log-view.js'

const never = new AbortController().signal
const fails = (error: unknown): void => {
  throw error
}

it('holds a million entries by their places, drops the oldest beyond its limit, and says how many', async () => {
  const entry = { info: logEntry('info'), error: logEntry('error', { level: 'error' }) }
  const read: (readonly number[])[] = []
  const feed: LogFeed = {
    ...fakeLogs([]),
    async *follow() {
      for (let at = 0; at < 1_000_000; at += 10_000)
        yield {
          entries: Array.from({ length: 10_000 }, (_, i) => ({ entry: i % 10 === 0 ? entry.error : entry.info, place: at + i })),
          isCurrent: at === 990_000,
        }
    },
    async read(places) {
      read.push(places)
      return places.map(() => entry.info)
    },
  }
  const selector = { isShown: () => true, problem: () => undefined }
  const view = new LogView(feed, { key: 'd', selector, levels: [], onProblem: fails, maxRows: 200_000 })
  await view.current(never)
  const { first, total, counts, isCurrent } = view.summary
  expect({ total, counts, isCurrent }).toEqual({ total: 1_000_000, counts: { error: 100_000, info: 900_000 }, isCurrent: true })
  expect(total - first).toBeLessThanOrEqual(200_000)
  expect(total - first).toBeGreaterThan(200_000 - 2 * 65_536)
  expect((await view.rows(first - 5, first + 2)).map(({ row }) => row)).toEqual([first, first + 1])
  expect((await view.rows(total - 2, total + 9)).map(({ row }) => row)).toEqual([total - 2, total - 1])
  expect(read).toEqual([
    [first, first + 1],
    [total - 2, total - 1],
  ])
  view.close()
})

it('counts all levels, whichever are shown', async () => {
  const feed = fakeLogs([logEntry('a'), logEntry('b', { level: 'warn' }), logEntry('c'), logEntry('d', { level: 'error' })])
  const desk = createLogDesk(feed, fails)
  const opened = desk.open('d', { query: '', levels: ['warn', 'error'], system: false })
  if ('wrong' in opened) throw new Error(opened.wrong)
  await opened.view.current(never)
  expect(opened.view.summary).toMatchObject({ total: 2, counts: { info: 2, warn: 1, error: 1 } })
  expect((await opened.view.entries(0, 9)).map((entry) => entry?.message)).toEqual(['b', 'd'])
  desk.close()
})

it('is one for all who look at the same, and ends some time after the last of them', () => {
  const desk = createLogDesk(fakeLogs([]), fails)
  const open = (query: string) => {
    const opened = desk.open('d', { query, levels: [], system: false })
    if ('wrong' in opened) throw new Error(opened.wrong)
    return opened
  }
  const [one, two] = [open('a'), open('a')]
  expect(one.view === two.view).toBe(true)
  one.release()
  one.release()
  // Others come and go; what is looked at stays.
  const others = ['b', 'c', 'd', 'e', 'f'].map(open)
  for (const other of others) other.release()
  expect([two, ...others].map(({ view }) => view.isClosed)).toEqual([false, true, false, false, false, false])
  two.release()
  expect(open('a').view === two.view).toBe(true)
  desk.close()
  expect(two.view.isClosed).toBe(true)
})

it('is cut for a page where an entry is very long', async () => {
  const long = logEntry('m'.repeat(10_000), {
    attributes: { text: 't'.repeat(10_000), deep: { list: Array.from({ length: 5_000 }, (_, i) => i) }, n: 1 },
  })
  const many = logEntry('many', { attributes: Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`a${i}`, i])) })
  const view = new LogView(fakeLogs([long, many, logEntry('short')]), {
    key: 'd',
    selector: { isShown: () => true, problem: () => undefined },
    levels: [],
    onProblem: fails,
  })
  await view.current(never)
  const [first, second, third] = await view.rows(0, 3)
  expect(first).toMatchObject({ isCut: true, entry: { attributes: { n: 1 } } })
  expect(JSON.stringify(first).length).toBeLessThan(13_000)
  expect([second?.isCut, Object.keys(second?.entry?.attributes ?? {}).length]).toEqual([true, 50])
  expect(third).toEqual({ row: 2, entry: logEntry('short') })
  view.close()
})
