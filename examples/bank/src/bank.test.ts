import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { spawnSync } from 'node:child_process'
import { SimulationError, simulate, type SimulateOptions } from '@weaver/sdk/sim'
import { RUNNERS, weaverTest } from '@weaver/sdk/testing'
import { buildExample } from '../../../scripts/build-example.js'
import { App } from './app.js'
import { Bank } from './bank.js'
import { BankWorkload } from './bank-workload.js'
import { Store } from './store.js'
import { weaver } from './weaver.gen.js'

const entry = fileURLToPath(new URL('../dist/main.js', import.meta.url))

beforeAll(() => buildExample('bank'), 120_000)

describe.each(RUNNERS)('with the runner %s', (runner) => {
  it('moves money, all or nothing', async () => {
    await weaverTest({ weaver, runner, entry }, async (test) => {
      const bank = test.get(Bank)
      await bank.deposit('1', 'ann', 10)
      await bank.transfer('2', 'ann', 'bob', 4)
      await bank.withdraw('3', 'bob', 1)
      await expect(bank.transfer('4', 'ann', 'bob', 7)).rejects.toMatchObject({ name: 'Overdrawn', account: 'ann' })
      expect([await bank.balance('ann'), await bank.balance('bob')]).toEqual([6, 3])
    })
  }, 30_000)

  it('does an order once, however often it is given', async () => {
    await weaverTest({ weaver, runner, entry }, async (test) => {
      const bank = test.get(Bank)
      await bank.deposit('1', 'ann', 10)
      await bank.deposit('1', 'ann', 10)
      expect(await bank.balance('ann')).toBe(10)
    })
  }, 30_000)

  it('answers over HTTP', async () => {
    await weaverTest({ weaver, runner, entry, app: App }, async (test) => {
      const url = await test.url('bank')
      const post = async (path: string) => (await fetch(url + path, { method: 'POST' })).status
      expect(await post('/deposit?to=ann&amount=5')).toBe(200)
      expect(await post('/transfer?from=ann&to=bob&amount=2')).toBe(200)
      expect(await post('/withdraw?from=bob&amount=3')).toBe(409)
      expect(await post('/deposit?to=ann&amount=some')).toBe(400)
      expect(await (await fetch(`${url}/?account=bob`)).text()).toBe('2\n')
    })
  }, 30_000)
})

describe('the simulator', () => {
  const bug = { 'bank/Bank': { update: 'read-then-write' } }
  const options: SimulateOptions = { weaver, durable: [Store], seed: 1 }
  let graveyard: string
  beforeEach(() => {
    graveyard = mkdtempSync(join(tmpdir(), 'weaver-bank-'))
  })
  afterEach(() => rmSync(graveyard, { recursive: true, force: true }))

  async function found(more: Partial<SimulateOptions>): Promise<SimulationError> {
    const error: unknown = await simulate(BankWorkload, { ...options, config: bug, ...more }).catch((error: unknown) => error)
    if (error instanceof SimulationError) return error
    throw error
  }

  it('finds the lost update and makes it small, keeps it, and replays it', async () => {
    const { report, message } = await found({ graveyard, sweep: { failureRate: [0], crashRate: [0] } })
    expect(report.ops).toHaveLength(2)
    expect(report.schedule.filter((step) => /lost|fails|crash/.test(step))).toEqual([])
    expect(message).toContain('the accounts hold')
    expect(report.mermaid).toMatch(/^sequenceDiagram\n {4}participant p0 as op 1\n/)
    expect(readdirSync(graveyard)).toHaveLength(2)

    const again = await found({ graveyard, seed: 2 })
    expect(again.report).toMatchObject({ isFromGraveyard: true, history: report.history })
    const { graveyard: outcomes } = await simulate(BankWorkload, { ...options, graveyard, numExecutions: 1 })
    expect(outcomes).toMatchObject([{ outcome: 'passes' }])
  }, 300_000)

  it('finds it among faults, too', async () => {
    expect((await found({})).report.ops.length).toBeLessThanOrEqual(2)
  }, 300_000)

  it('finds nothing where the bank compares and sets, whatever is delayed, lost or crashes', async () => {
    expect(await simulate(BankWorkload, { ...options, numExecutions: 1_000 })).toMatchObject({ numExecutions: 1_000 })
  }, 300_000)

  it('does the same in any process and under any test runner', async () => {
    const { report } = await found({})
    const script = fileURLToPath(new URL('./testdata/simulate-bank.mjs', import.meta.url))
    const { stdout, stderr } = spawnSync(process.execPath, ['--test', '--test-reporter=tap', script], {
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '' },
    })
    expect(`${stdout}${stderr}`).toContain('# pass 1')
    const [, history] = /HISTORY (\S+)/.exec(stdout) ?? []
    expect(JSON.parse(Buffer.from(history ?? '', 'base64url').toString())).toEqual(JSON.parse(JSON.stringify(report.history)))
  }, 300_000)
})
