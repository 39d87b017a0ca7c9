/**
 * What every deployer keeps, whatever it deploys to (docs/deployers.md), as checks that run against
 * any of them. They see the application `examples/probe` from outside, over HTTP: each part of it
 * tells who it is, what it was told and whom it met. No test runner is needed; a check that fails
 * rejects with the reason.
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { ask, chain, eventually, logsOf, refusal, refused, withProbe, type Identity, type Keeper, type Refusal } from './deployed-probe.js'
import type { DeployerAbility, DeployerUnderTest, ProbeOptions } from './deployer-under-test.js'

export interface DeployerStatement {
  /** As in docs/deployers.md. */
  readonly id: string
  readonly says: string
  readonly needs: readonly DeployerAbility[]
  /**
   * It leaves what it has deployed as it was: `shareDeployments` may give it one that others have
   * looked at.
   */
  readonly looksOnly: boolean
  /**
   * Deploys, looks, and stops what it has deployed.
   * @throws AssertionError when the deployer does not keep the statement
   */
  check(deployer: DeployerUnderTest): Promise<void>
}

/** How long a call to what is dead may take until it fails. */
const FAIL_FAST_MS = 5_000
const RESTART_MS = 30_000
/**
 * What a stop takes at most when nothing is in its way; the grace period of a deployer is longer.
 */
const STOP_MS = 10_000

/** Statements that stop, kill or spoil nothing. */
const LOOKS_ONLY: readonly string[] = ['D1', 'D2', 'D6', 'D9', 'D11', 'D14', 'D15']

export const deployerStatements: readonly DeployerStatement[] = [
  statement(
    'D1',
    'a listener accepts requests at the address that the deployer reports, as soon as it reports it',
    [],
    async (deployer) => {
      await withProbe(deployer, {}, async ({ url }) => assert.equal((await chain(url)).length, 3))
    },
  ),
  statement('D2', 'a component starts after its refs, which its init() may call, and main() after all components', [], async (deployer) => {
    await withProbe(deployer, {}, async ({ url }) => {
      const [main, middle, back] = await chain(url)
      assert.ok(
        back.startedAt <= middle.startedAt && middle.startedAt <= main.startedAt,
        'they did not start in this order: Back, Middle, Main',
      )
      assert.equal((await ask<Identity>(url, '/started')).pid, back.pid)
    })
  }),
  statement('D3', 'each component receives its own configuration exactly as written, and no other', [], async (deployer) => {
    const mark = 'a "quoted" \\ mark, ünïcode\nand a second line'
    await withProbe(deployer, { config: { 'probe/Back': { mark }, 'weaver/Main': { mark: 'main' } } }, async ({ url }) => {
      assert.deepEqual(marks(await chain(url)), ['main', 'none', mark])
    })
  }),
  statement(
    'D4',
    'a configuration that a component rejects fails the start, and the reason names component and key',
    [],
    async (deployer) => {
      await refused(deployer, { 'probe/Back': { mrak: 'a' } }, [/probe\/Back/, /mrak/])
    },
  ),
  statement('D5', 'a failing init() fails the start, and the deployer reports its reason', [], async (deployer) => {
    await refused(deployer, { 'probe/Back': { failInit: 'the disk is full' } }, [/the disk is full/])
  }),
  statement(
    'D6',
    'all processes of a deployment share its deployment id and version, and each has its own name',
    ['main'],
    async (deployer) => {
      await withProbe(deployer, {}, async ({ url }) => {
        const all = await chain(url)
        assert.equal(new Set(all.map(({ deploymentId, versionId }) => `${deploymentId} ${versionId}`)).size, 1)
        assert.ok(all.every(({ deploymentId }) => deploymentId !== ''))
        assert.equal(new Set(all.map(({ replica }) => replica)).size, new Set(all.map(({ pid }) => pid)).size)
      })
    },
  ),
  statement('D7', 'two concurrent deployments do not mix: no call crosses from one to the other', [], async (deployer) => {
    const marked = (mark: string): ProbeOptions => ({
      config: Object.fromEntries(['weaver/Main', 'probe/Middle', 'probe/Back'].map((component) => [component, { mark }])),
    })
    await withProbe(deployer, marked('one'), (one) =>
      withProbe(deployer, marked('two'), async (two) => {
        const asked = Array.from({ length: 30 }, async () => [marks(await chain(one.url)), marks(await chain(two.url))])
        for (const [first, second] of await Promise.all(asked)) {
          assert.deepEqual(first, ['one', 'one', 'one'])
          assert.deepEqual(second, ['two', 'two', 'two'])
        }
        assert.notEqual((await chain(one.url))[2].deploymentId, (await chain(two.url))[2].deploymentId)
      }),
    )
  }),
  statement('D8', 'a stop completes what is in flight, accepts nothing new, and exits cleanly', [], async (deployer) => {
    await withProbe(deployer, {}, async (probe) => {
      const inFlight = ask<Identity>(probe.url, '/slow?ms=1000')
      await sleep(300)
      const began = Date.now()
      const [answer, wrong] = await Promise.all([inFlight, probe.stop()])
      assert.equal(answer.component, 'probe/Back')
      assert.equal(wrong, undefined)
      assert.ok(Date.now() - began < STOP_MS, `the stop took ${Date.now() - began} ms`)
      await assert.rejects(fetch(probe.url), 'the listener still answers after the stop')
    })
  }),
  statement('D9', 'log entries reach the deployer with level, message, component and attributes', ['logs'], async (deployer) => {
    await withProbe(deployer, {}, async (probe) => {
      await ask(probe.url, `/say?text=${encodeURIComponent('ünï "code"')}`)
      const entry = await eventually('the entry of a component', async () =>
        (await logsOf(probe)).find(({ message }) => message === 'probe says'),
      )
      assert.equal(entry.level, 'warn')
      assert.equal(entry.component, 'probe/Back')
      assert.deepEqual({ ...entry.attributes }, { text: 'ünï "code"', number: 7 })
    })
  }),
  statement('D10', 'each component starts once and shuts down once, and no log entry of that is lost', ['logs'], async (deployer) => {
    await withProbe(deployer, {}, async (probe) => {
      await chain(probe.url)
      assert.equal(await probe.stop(), undefined)
      const entries = await logsOf(probe)
      const who = (what: string): readonly string[] =>
        entries
          .filter(({ message }) => message === what)
          .map(({ component, attributes }) => `${component} ${String(attributes['pid'])}`)
          .sort()
      assert.equal(who('probe started').length, 3, `these started: ${who('probe started').join(', ')}`)
      assert.deepEqual(who('probe stopped'), who('probe started'))
    })
  }),
  statement('D11', 'exactly the components that the deployer colocates share a process', ['processes', 'colocate'], async (deployer) => {
    await withProbe(deployer, {}, async ({ url }) => assert.equal(new Set(pids(await chain(url))).size, 3))
    await withProbe(deployer, { colocate: [['probe/Middle', 'probe/Back']] }, async ({ url }) => {
      const [main, middle, back] = pids(await chain(url))
      assert.equal(middle, back)
      assert.notEqual(main, back)
    })
  }),
  statement(
    'D12',
    'a call to a killed process fails within five seconds as a platform failure, and the rest keeps working',
    ['processes'],
    async (deployer) => {
      await withProbe(
        deployer,
        {},
        async ({ url }) => {
          const [, , before] = await chain(url)
          const inFlight = await failsFast('the call in flight', () => refusal(url, '/die'))
          assert.match(inFlight.code ?? '', /^WEAVER_RPC_(?!DEADLINE$)/)
          const after = await failsFast('the call after it', () => fetch(`${url}/back`))
          const body = (await after.json()) as Identity & Refusal
          // One that is quick to start it again may have done so.
          if (after.ok) assert.notEqual(body.pid, before.pid)
          else assert.match(body.code ?? '', /^WEAVER_RPC_/)
          assert.equal((await ask<Identity>(url, '/started')).pid, before.pid)
        },
        { isKilled: true },
      )
    },
  ),
  statement(
    'D13',
    'a killed process is restarted within half a minute with its configuration, and receives calls again',
    ['processes', 'restart'],
    async (deployer) => {
      await withProbe(
        deployer,
        { config: { 'probe/Back': { mark: 'kept' } } },
        async ({ url }) => {
          const [, , before] = await chain(url)
          await refusal(url, '/die')
          const again = await eventually(
            'the process that was killed',
            async () => {
              const response = await fetch(`${url}/back`)
              return response.ok ? ((await response.json()) as Identity) : undefined
            },
            RESTART_MS,
          )
          assert.notEqual(again.pid, before.pid)
          assert.deepEqual([again.mark, again.deploymentId], ['kept', before.deploymentId])
        },
        { isKilled: true },
      )
    },
  ),
  statement(
    'D14',
    'replicas of a routed component divide its keys, and each key stays with one of them',
    ['processes', 'replicas'],
    async (deployer) => {
      await withProbe(deployer, { replicas: 2 }, async ({ url }) => {
        const owners = async (): Promise<readonly number[]> => (await ask<Keeper[]>(url, '/keys?count=40')).map(({ pid }) => pid)
        const first = await eventually('an assignment', async () => {
          const [one, two] = [await owners(), await owners()]
          return new Set(one).size === 2 && one.join() === two.join() ? one : undefined
        })
        assert.deepEqual(await owners(), first)
      })
    },
  ),
  statement('D15', 'exactly one replica of a component with a leader leads', ['processes', 'replicas'], async (deployer) => {
    await withProbe(deployer, { replicas: 2 }, async ({ url }) => {
      /** Of both, or nothing: before the keys are shared one may not be seen. */
      const leaders = async (): Promise<readonly number[] | undefined> => {
        const keepers = await ask<Keeper[]>(url, '/keys?count=40')
        const leads = new Map(Array.from(keepers, ({ pid, leads }) => [pid, leads]))
        return leads.size === 2 ? [...leads].flatMap(([pid, leads]) => (leads ? [pid] : [])) : undefined
      }
      const first = await eventually('a leader', async () => {
        const found = await leaders()
        return found === undefined || found.length === 0 ? undefined : found
      })
      for (let i = 0; i < 10; i++, await sleep(100)) assert.deepEqual(await leaders(), first)
      assert.equal(first.length, 1)
    })
  }),
]

function marks(identities: readonly Identity[]): readonly string[] {
  return Array.from(identities, ({ mark }) => mark) // an array of this realm: test runners have several, and what fetch() gives is of another
}

function pids(identities: readonly Identity[]): readonly number[] {
  return Array.from(identities, ({ pid }) => pid)
}

async function failsFast<T>(what: string, call: () => Promise<T>): Promise<T> {
  const began = Date.now()
  const outcome = await call()
  assert.ok(Date.now() - began < FAIL_FAST_MS, `${what} took ${Date.now() - began} ms`)
  return outcome
}

function statement(id: string, says: string, needs: readonly DeployerAbility[], check: DeployerStatement['check']): DeployerStatement {
  return { id, says, needs, looksOnly: LOOKS_ONLY.includes(id), check }
}
