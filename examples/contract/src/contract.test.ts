/** Every statement of docs/calls.md, tried by every runner. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { context, RemoteCallError, withContext } from '@weaver/sdk'
import { RUNNERS, weaverTest, type WeaverTest } from '@weaver/sdk/testing'
import { buildExample } from '../../../scripts/build-example.js'
import { OutOfStock, Subject, type Everything } from './subject.js'
import { weaver } from './weaver.gen.js'

const ENTRY = fileURLToPath(new URL('../dist/main.js', import.meta.url))

beforeAll(() => buildExample('contract'), 120_000)

const EVERYTHING: Everything = {
  text: 'grüß dich 😀',
  count: -0,
  big: 2n ** 70n,
  when: new Date(1_700_000_000_123),
  bytes: Uint8Array.from([0, 255, 7]),
  tags: new Set(['a', 'b']),
  prices: new Map([['tea', 1.5]]),
  list: [{ name: 'x' }, { name: 'y', note: '' }],
  nothing: null,
  maybe: undefined,
  kind: { type: 'b', b: 'c' },
}

async function failureOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    (value) => {
      throw new Error(`the call was expected to fail and gave ${JSON.stringify(value)}`)
    },
    (error: unknown) => error,
  )
}

/** What a process has to do before a signal that fired elsewhere is seen: one message. */
async function ends(subject: Subject, how: string): Promise<void> {
  for (let i = 0; i < 1_000 && (await subject.lastEnd()) !== how; i++) await new Promise((resolve) => setTimeout(resolve, 10))
  expect(await subject.lastEnd()).toBe(how)
}

/** The statements by number. */
const STATEMENTS: Readonly<Record<string, (subject: Subject, test: WeaverTest) => Promise<void>>> = {
  async V1(subject) {
    const there = await subject.echo(EVERYTHING)
    expect(there).toEqual(EVERYTHING)
    expect(Object.is(there.count, -0)).toBe(true)
  },
  async V2(subject) {
    const absent = await subject.echo({ ...EVERYTHING, list: [] })
    expect('maybe' in absent && absent.maybe === undefined && absent.nothing === null).toBe(true)
    const { maybe: _, ...without } = EVERYTHING
    expect('maybe' in (await subject.echo(without))).toBe(false)
  },
  async V3(subject) {
    expect(await subject.nothing()).toBeUndefined()
  },
  async V4(subject, { runner }) {
    const list = ['mine']
    expect(await subject.change(list)).toEqual(['mine', 'changed'])
    expect(list).toEqual(runner === 'local' ? ['mine', 'changed'] : ['mine'])
  },
  async E1(subject) {
    const error = (await failureOf(subject.throwOwn())) as OutOfStock
    expect(error).toBeInstanceOf(OutOfStock)
    expect(error.isSoldOut).toBe(true)
    expect(error).toMatchObject({ name: 'OutOfStock', message: 'there is no tea', code: 'OUT_OF_STOCK', details: { item: 'tea', left: 0 } })
    expect(error.cause).toBeInstanceOf(RangeError)
    expect(error.cause).toMatchObject({ message: 'shelf 7', cause: { shelf: 7 } })
  },
  async E2(subject) {
    const call = subject.throwAtOnce() // does not throw
    expect(await failureOf(call)).toMatchObject({ name: 'TypeError', message: 'before the first await' })
  },
  async E3(subject) {
    expect(await failureOf(subject.throwText())).toBe('just a text')
  },
  async E4(subject) {
    expect(await failureOf(subject.throwOwn())).not.toBeInstanceOf(RemoteCallError)
  },
  async B1(subject) {
    expect(await subject.seenAtStart()).toMatchObject({ component: 'contract/Subject' })
  },
  async C1(subject) {
    expect((await subject.look()).component).toBe('weaver/Main')
    expect((await subject.lookBehind()).component).toBe('contract/Subject')
  },
  async C2(subject) {
    await withContext({ metadata: { user: 'ada' } }, async () => {
      expect((await subject.lookBehind()).metadata).toEqual({ user: 'ada' })
      expect((await withContext({ metadata: { trip: '1' } }, () => subject.look())).metadata).toEqual({ user: 'ada', trip: '1' })
      expect(context().metadata).toEqual({ user: 'ada' })
    })
    expect((await subject.look()).metadata).toEqual({})
  },
  async C3(subject) {
    const free = (await subject.look()).timeLeftMs
    expect(free).toBeGreaterThan(20_000)
    expect(free).toBeLessThanOrEqual(30_000)
    const near = (await withContext({ deadline: Date.now() + 5_000 }, () => subject.lookBehind())).timeLeftMs
    expect(near).toBeGreaterThan(0)
    expect(near).toBeLessThanOrEqual(5_000)
  },
  async C4(subject) {
    // That of the method is 100 ms.
    expect(await withContext({ timeoutMs: 20_000 }, () => subject.quick(300))).toBe('done')
    const seconds = async (of: Parameters<typeof withContext>[0], call: () => Promise<{ timeLeftMs: number }>): Promise<number> =>
      (await withContext(of, call)).timeLeftMs / 1_000
    const own = await seconds({ timeoutMs: 90_000 }, () => subject.look())
    expect(own).toBeGreaterThan(60)
    expect(own).toBeLessThanOrEqual(90)
    const bounded = await seconds({ timeoutMs: 90_000, deadline: Date.now() + 50_000 }, () => subject.look())
    expect(bounded).toBeGreaterThan(30)
    expect(bounded).toBeLessThanOrEqual(50)
    expect(await seconds({ timeoutMs: 90_000 }, () => subject.lookBehind())).toBeLessThanOrEqual(30)
  },
  async L1(subject) {
    const started = Date.now()
    const error = await withContext({ metadata: {}, deadline: Date.now() + 60_000 }, () => failureOf(subject.quick(50_000)))
    expect(error).toMatchObject({ code: 'WEAVER_RPC_DEADLINE', mayHaveRun: true })
    expect(Date.now() - started).toBeLessThan(25_000) // the method's own limit, and neither the deadline nor what it does
    await ends(subject, 'TimeoutError')
  },
  async L2(subject) {
    const controller = new AbortController()
    const call = withContext({ signal: controller.signal }, () => failureOf(subject.wait(10_000)))
    await ends(subject, 'running')
    controller.abort()
    expect(await call).toMatchObject({ code: 'WEAVER_RPC_CANCELLED', mayHaveRun: true })
    await ends(subject, 'AbortError')
  },
  async L3(subject) {
    const before = await subject.count()
    const late = await withContext({ deadline: Date.now() - 1 }, () => failureOf(subject.count()))
    expect(late).toMatchObject({ code: 'WEAVER_RPC_DEADLINE', mayHaveRun: false })
    const gone = await withContext({ signal: AbortSignal.abort() }, () => failureOf(subject.count()))
    expect(gone).toMatchObject({ code: 'WEAVER_RPC_CANCELLED', mayHaveRun: false })
    expect(await subject.count()).toBe(before + 1)
  },
  async L4(subject, { runner }) {
    if (runner === 'local') expect(await subject.quick(200)).toBe('done')
    else expect(await failureOf(subject.quick(200))).toMatchObject({ code: 'WEAVER_RPC_DEADLINE' })
  },
  async O1(subject) {
    const order: number[] = []
    await Promise.all([300, 20].map((ms) => subject.wait(ms).then(() => order.push(ms))))
    expect(order).toEqual([20, 300])
  },
  async O2(subject) {
    const before = await subject.count()
    await Promise.all(Array.from({ length: 50 }, () => subject.count()))
    expect(await subject.count()).toBe(before + 51)
  },
  async R1(subject) {
    expect(await subject.keyed('ann')).toBe('ann')
    const before = await subject.count()
    expect(await failureOf(subject.keyed(''))).toMatchObject({ name: 'RangeError', message: 'no key' })
    expect(await subject.count()).toBe(before + 1)
  },
  async S1(subject) {
    await subject.quick(0)
    const stream = subject.numbers(300, false)
    expect(await subject.lastEnd()).toBe('done') // it has not begun
    const found: number[] = []
    for await (const number of stream) found.push(number)
    expect(found).toEqual(Array.from({ length: 300 }, (_, i) => i))
  },
  async S2(subject) {
    const found: number[] = []
    const reading = (async () => {
      for await (const number of subject.numbers(3, true)) found.push(number)
    })()
    expect(await failureOf(reading)).toBeInstanceOf(OutOfStock)
    expect(found).toEqual([0, 1, 2])
  },
  async S3(subject) {
    for await (const number of subject.numbers(1_000_000, false)) if (number === 2) break
    await ends(subject, 'AbortError')
  },
}

it('has a test for each statement of the page, and a statement for each test', () => {
  const page = readFileSync(new URL('../../../docs/calls.md', import.meta.url), 'utf8')
  const numbers = [...page.matchAll(/^\| ([A-Z]\d+) /gm)].map(([, number]) => number)
  expect(numbers.sort()).toEqual(Object.keys(STATEMENTS).sort())
})

describe.each(RUNNERS)('by the runner %s', (runner) => {
  it('holds', async () => {
    await weaverTest({ weaver, runner, entry: ENTRY }, async (test) => {
      const failed: string[] = []
      for (const [number, statement] of Object.entries(STATEMENTS))
        await statement(test.get(Subject), test).catch((error: unknown) =>
          failed.push(`${number}: ${error instanceof Error ? error.message : String(error)}`),
        )
      expect(failed).toEqual([])
    })
  })
})

it('with copies nothing is shared in one process either', async () => {
  await weaverTest({ weaver, copyArgs: true }, async (test) => {
    const list = ['mine']
    expect(await test.get(Subject).change(list)).toEqual(['mine', 'changed'])
    expect(list).toEqual(['mine'])
    expect(await test.get(Subject).echo(EVERYTHING)).toEqual(EVERYTHING)
    expect(await failureOf(test.get(Subject).throwOwn())).toBeInstanceOf(OutOfStock)
  })
})
