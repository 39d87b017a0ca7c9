import { jest } from '@jest/globals'
import { KubeError } from '@weaver/kube'
import { eventually } from '@weaver/sdk/test-support'
import { WorkQueue } from './work-queue.js'

/** A job that the test ends by hand. */
interface Job {
  readonly key: string
  readonly signal: AbortSignal
  readonly end: (again?: number) => void
  readonly fail: (error: Error) => void
}
interface Bench {
  readonly queue: WorkQueue
  readonly jobs: Job[]
  readonly failures: { readonly key: string; readonly retryMs: number }[]
}
const queues: WorkQueue[] = []
function bench(options: { readonly concurrency?: number; readonly workTimeoutMs?: number } = {}): Bench {
  const jobs: Job[] = []
  const failures: { key: string; retryMs: number }[] = []
  const queue = new WorkQueue({
    work: (key, signal) => new Promise((end, fail) => void jobs.push({ key, signal, end, fail })),
    onError: (key, _error, retryMs) => void failures.push({ key, retryMs }),
    firstBackoffMs: 20,
    mostBackoffMs: 80,
    ...options,
  })
  queues.push(queue)
  return { queue, jobs, failures }
}
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const settle = () => sleep(5)
afterEach(async () => {
  // Jobs that a test left open never end: only what stands in the queue is given up.
  for (const queue of queues.splice(0)) void queue.close()
  await settle()
})

describe('work queue', () => {
  it('runs a key once that was added often, and once more for all that was added meanwhile', async () => {
    const { queue, jobs } = bench({ concurrency: 1 })
    queue.add('other')
    for (let i = 0; i < 5; i++) queue.add('a')
    jobs[0]?.end()
    await settle()
    expect(jobs.map((j) => j.key)).toEqual(['other', 'a'])
    for (let i = 0; i < 5; i++) queue.add('a')
    await settle()
    expect(jobs).toHaveLength(2)
    jobs[1]?.end()
    await settle()
    expect(jobs.map((j) => j.key)).toEqual(['other', 'a', 'a'])
    jobs[2]?.end()
    await settle()
    expect(jobs).toHaveLength(3)
  })

  it('never works on one key twice at a time, but on as many keys as allowed', async () => {
    const { queue, jobs } = bench({ concurrency: 2 })
    for (const key of ['a', 'a', 'b', 'c', 'a']) queue.add(key)
    await settle()
    expect(jobs.map((j) => j.key)).toEqual(['a', 'b'])
    queue.add('a')
    jobs[1]?.end()
    await settle()
    expect(jobs.map((j) => j.key)).toEqual(['a', 'b', 'c'])
  })

  it('retries a failure after a delay that doubles up to the most, and starts over after a success', async () => {
    const { queue, jobs, failures } = bench()
    queue.add('a')
    for (let i = 0; i < 5; i++) {
      await eventually(`run ${i}`, () => jobs.length === i + 1)
      jobs[i]?.fail(new Error('no'))
    }
    await eventually('the run after', () => jobs.length === 6)
    for (const [i, step] of [20, 40, 80, 80, 80].entries()) {
      expect(failures[i]?.retryMs).toBeGreaterThanOrEqual(step / 2)
      expect(failures[i]?.retryMs).toBeLessThanOrEqual(step)
    }
    jobs[5]?.end(1)
    await eventually('the next', () => jobs.length === 7)
    jobs[6]?.fail(new Error('no'))
    await settle()
    expect(failures.at(-1)?.retryMs).toBeLessThanOrEqual(20)
  })

  it("does not come back before the API server's Retry-After", async () => {
    const { queue, jobs, failures } = bench()
    queue.add('a')
    jobs[0]?.fail(new KubeError('apply', { status: 429, reason: 'TooManyRequests', message: 'later', retryAfterMs: 150 }))
    await settle()
    expect(failures[0]?.retryMs).toBe(150)
    await sleep(100)
    expect(jobs).toHaveLength(1)
    await eventually('the retry', () => jobs.length === 2)
  })

  it('one failing key holds up no other', async () => {
    const { queue, jobs } = bench({ concurrency: 1 })
    queue.add('bad')
    queue.add('good')
    jobs[0]?.fail(new Error('no'))
    await settle()
    expect(jobs.map((j) => j.key)).toEqual(['bad', 'good'])
  })

  it('comes back when the work says so; an earlier time replaces a later one, and a run the delayed one', async () => {
    const { queue, jobs } = bench()
    const started = Date.now()
    queue.add('a')
    jobs[0]?.end(60)
    await eventually('the second run', () => jobs.length === 2)
    expect(Date.now() - started).toBeGreaterThanOrEqual(55)
    jobs[1]?.end(60_000)
    await settle()
    queue.addAfter('a', 20)
    queue.addAfter('a', 40)
    await eventually('the third run', () => jobs.length === 3)
    jobs[2]?.end(50)
    await settle()
    queue.add('a')
    await settle()
    jobs[3]?.end()
    await sleep(80)
    expect(jobs).toHaveLength(4)
  })

  it('tells work that takes too long to stop', async () => {
    const { queue, jobs } = bench({ workTimeoutMs: 30 })
    queue.add('a')
    await eventually('the abort', () => jobs[0]?.signal.aborted === true)
    expect(jobs[0]?.signal.reason).toMatchObject({ name: 'TimeoutError' })
  })

  it('close aborts what runs, waits for it, and starts nothing any more', async () => {
    const { queue, jobs, failures } = bench({ concurrency: 1 })
    queue.add('a')
    queue.add('waiting')
    queue.addAfter('delayed', 10)
    let isClosed = false
    const closing = queue.close().then(() => (isClosed = true))
    expect(jobs[0]?.signal.aborted).toBe(true)
    await sleep(30)
    expect(isClosed).toBe(false)
    queue.add('late')
    jobs[0]?.fail(new Error('aborted'))
    await closing
    await sleep(30)
    expect([jobs.map((j) => j.key), failures]).toEqual([['a'], []])
    await queue.close()
  })
})

it('takes the earlier of two times, also when the wall clock of the machine is set between them', async () => {
  const { queue, jobs } = bench()
  const clock = jest.spyOn(Date, 'now')
  try {
    queue.addAfter('app', 3_600_000)
    clock.mockImplementation(() => new Date().getTime() + 2 * 3_600_000)
    queue.addAfter('app', 10)
  } finally {
    clock.mockRestore()
  }
  await eventually('the earlier time', () => jobs.length > 0)
  expect(jobs.map(({ key }) => key)).toEqual(['app'])
})
