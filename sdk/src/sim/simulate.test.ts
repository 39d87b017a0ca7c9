import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jest } from '@jest/globals'
import { constant, constantFrom } from 'fast-check'
import { simulate } from './simulate.js'
import { ATOMIC, COUNTING, CountingWorkload, failureOf, NO_FAULTS, Store } from './testdata/counting.js'
import { op, type SimulatedApp, type Workload } from './workload.js'

/** Real time is far away from that of an execution, and a machine may be slow. */
jest.setTimeout(60_000)

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weaver-graveyard-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('a planted lost update', () => {
  it('is found and made as small as it can be: two operations on one key, of the smallest amounts, and no fault', async () => {
    const { report, message } = await failureOf(CountingWorkload, { ...COUNTING, sweep: { numOps: [12], concurrency: [5] } })
    expect(report.numOpsFound).toBe(12)
    expect(report.ops).toEqual([
      { id: 1, op: 'count', args: ['a', 1] },
      { id: 2, op: 'count', args: ['a', 1] },
    ])
    expect(report.parameters.replicas).toBe(1)
    expect(report.schedule.filter((step) => /lost|fails|crash/.test(step))).toEqual([])
    expect(message).toContain('end() failed: Error: the store holds 1, and 2 were counted')
    expect(message).toContain('op 2  count("a", 1)')
    expect(message).toContain(`simulate(CountingWorkload, { …, seed: 1, numExecutions: ${report.execution} })`)
    expect(report.failure).toMatchObject({ where: 'end', error: { message: 'the store holds 1, and 2 were counted' } })
  })

  it('is drawn as a sequence diagram', async () => {
    const { report } = await failureOf(CountingWorkload, { ...COUNTING, sweep: NO_FAULTS })
    const lines = report.mermaid.split('\n')
    expect(lines[0]).toBe('sequenceDiagram')
    expect(lines).toContain('    participant p0 as op 1')
    expect(lines.filter((line) => line.includes('->>') && line.endsWith('count("a", 1)'))).toHaveLength(2)
    expect(lines.filter((line) => line.includes('-->>') && line.endsWith(': 0')).length).toBeGreaterThanOrEqual(2)
  })

  it('is not there where the store adds by itself, whatever fails', async () => {
    const { numExecutions, numOps, seed } = await simulate(CountingWorkload, { ...COUNTING, config: ATOMIC })
    expect([numExecutions, seed]).toEqual([300, 1])
    expect(numOps).toBeGreaterThan(300)
  })

  it('takes the configuration as text, too', async () => {
    const { numExecutions } = await simulate(CountingWorkload, {
      ...COUNTING,
      numExecutions: 50,
      config: '["test/Counter"]\nisAtomic = true\n',
    })
    expect(numExecutions).toBe(50)
  })
})

it('does the same for the same seed, and something else for another', async () => {
  const run = async (seed: number) => (await failureOf(CountingWorkload, { ...COUNTING, seed, maxShrinks: 0 })).report
  const [first, second, other] = [await run(7), await run(7), await run(8)]
  expect(second.history).toEqual(first.history)
  expect(second.schedule).toEqual(first.schedule)
  expect(second.execution).toBe(first.execution)
  expect(other.history).not.toEqual(first.history)
})

describe('the graveyard', () => {
  const options = () => ({ ...COUNTING, graveyard: folder, sweep: NO_FAULTS })

  it('keeps a failure, and tries it before anything else', async () => {
    const found = await failureOf(CountingWorkload, options())
    const file = String(found.report.file)
    expect(readdirSync(folder).map((name) => name.replace(/-[0-9a-f]{8}/, ''))).toEqual(['CountingWorkload.json', 'CountingWorkload.mmd'])
    expect(readFileSync(file.replace(/json$/, 'mmd'), 'utf8')).toBe(found.report.mermaid)
    expect(found.message).toContain(file)

    const again = await failureOf(CountingWorkload, { ...options(), seed: 99, numExecutions: 1 })
    expect(again.report).toMatchObject({ isFromGraveyard: true, file, execution: 0, ops: found.report.ops, history: found.report.history })
    expect(again.message).toContain('is still there')
  })

  it('passes once the bug is gone', async () => {
    await failureOf(CountingWorkload, options())
    const { graveyard } = await simulate(CountingWorkload, { ...options(), config: ATOMIC, numExecutions: 1 })
    expect(graveyard).toEqual([{ file: expect.stringMatching(/json$/), outcome: 'passes', isOtherBuild: false }])
  })

  it('says what an entry of another build, another workload and other operations is worth', async () => {
    const file = String((await failureOf(CountingWorkload, options())).report.file)
    const text = readFileSync(file, 'utf8')
    const outcomeOf = async (from: string, to: string) => {
      writeFileSync(file, text.replaceAll(from, to))
      const { graveyard } = await simulate(CountingWorkload, { ...options(), config: ATOMIC, numExecutions: 1 })
      return graveyard.map(({ outcome, isOtherBuild }) => `${outcome} ${isOtherBuild}`)
    }
    expect(await outcomeOf('abababab', 'cdcdcdcd')).toEqual(['passes true'])
    expect(await outcomeOf('CountingWorkload', 'OtherWorkload')).toEqual(['other-workload false'])
    expect(await outcomeOf('"op": "count"', '"op": "forgotten"')).toEqual(['stale false'])
  })

  it.each([
    ['no JSON', 'is not JSON'],
    ['{"version":2}', 'is of version 2, and this release reads 1'],
    ['{"version":1,"ops":[]}', 'lacks a field'],
  ])('refuses the file %s', async (text, why) => {
    writeFileSync(join(folder, 'x.json'), text)
    await expect(simulate(CountingWorkload, options())).rejects.toMatchObject({
      code: 'WEAVER_SIM_GRAVEYARD',
      message: expect.stringContaining(why),
    })
  })

  it('keeps arguments that JSON cannot carry', async () => {
    const argument = { when: new Date(5), big: 2n ** 70n, tags: new Set(['x']) }
    class Strict implements Workload {
      readonly ops = {
        refuse: op([constant(argument)], (given) => {
          throw new TypeError(`${given.when.getTime()} ${given.big} ${[...given.tags].join(',')}`)
        }),
      }
    }
    const { message } = await failureOf(Strict, options())
    const again = await failureOf(Strict, { ...options(), seed: 5 })
    expect(again.report.isFromGraveyard).toBe(true)
    expect(message).toContain('TypeError: 5 1180591620717411303424 x')
    expect(again.message).toContain('TypeError: 5 1180591620717411303424 x')
  })
})

it('tells that an execution depends on something else', async () => {
  let calls = 0
  class Forgetful implements Workload {
    readonly ops = {
      fail: op([], () => {
        if ((calls += 1) % 3 === 0) throw new Error('the third call of all')
      }),
    }
  }
  await expect(simulate(Forgetful, COUNTING)).rejects.toMatchObject({
    code: 'WEAVER_SIM_NOT_DETERMINISTIC',
    message: expect.stringContaining('the third call of all'),
  })
})

it('draws operations by their weights', async () => {
  const counts = { often: 0, seldom: 0 }
  class Weighed implements Workload {
    readonly ops = {
      often: op([], () => (counts.often += 1), { weight: 9 }),
      seldom: op([], () => (counts.seldom += 1)),
    }
  }
  await simulate(Weighed, { ...COUNTING, sweep: { numOps: [20] }, numExecutions: 50 })
  expect(counts.often + counts.seldom).toBe(1_000)
  expect(counts.often).toBeGreaterThan(800)
  expect(counts.seldom).toBeGreaterThan(20)
})

it('looks at the invariant after each operation', async () => {
  class Watchful implements Workload {
    readonly store: Store
    constructor(app: SimulatedApp) {
      this.store = app.get(Store)
    }
    last = 0
    readonly ops = {
      set: op([constantFrom(0, 1, 2, 3)], async (value) => {
        this.last = await this.store.write('a', value)
      }),
    }
    invariant() {
      if (this.last > 2) throw new RangeError(`${this.last} is too much`)
    }
  }
  const { report } = await failureOf(Watchful, COUNTING)
  expect(report.ops).toEqual([{ id: 1, op: 'set', args: [3] }])
  expect(report.failure).toMatchObject({ where: 'invariant', what: 'invariant() after op 1' })
})

describe('what makes no sense is refused', () => {
  class NoOps implements Workload {
    readonly ops = {}
  }
  class Listless implements Workload {
    readonly ops = { broken: { args: [1], run: () => undefined, weight: 1 } as never }
  }
  it.each([
    ['a workload without operations', NoOps, {}, 'workload NoOps has no operation'],
    ['an argument that is no generator', Listless, {}, 'ops.broken of workload Listless'],
    ['no executions', CountingWorkload, { numExecutions: 0 }, 'numExecutions is a whole number from 1, not 0'],
    ['no time', CountingWorkload, { durationMs: 0 }, 'durationMs is above 0'],
    ['a rate above 1', CountingWorkload, { sweep: { failureRate: [2] } }, 'sweep.failureRate is a list of numbers from 0 to 1, not [2]'],
    ['an empty list', CountingWorkload, { sweep: { numOps: [] } }, 'sweep.numOps is a list of whole numbers from 1'],
    ['an unknown parameter', CountingWorkload, { sweep: { speed: [1] } as never }, 'sweep has no parameter "speed"'],
    [
      'a durable component that is not there',
      CountingWorkload,
      { durable: [{ name: 'test/Disk' }] as never },
      '"test/Disk" is said to be durable',
    ],
  ])('%s', async (_, workload, options, why) => {
    await expect(simulate(workload, { ...COUNTING, ...options })).rejects.toMatchObject({
      code: 'WEAVER_SIM_INVALID',
      message: expect.stringContaining(why),
    })
  })

  it('configuration of a component that is not there', async () => {
    await expect(simulate(CountingWorkload, { ...COUNTING, config: { 'test/Disk': {} } })).rejects.toMatchObject({
      code: 'WEAVER_START_INVALID',
    })
  })
})
