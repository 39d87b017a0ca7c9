/**
 * What every deployer keeps, whatever it deploys to (docs/deployers.md), as checks that run against
 * any of them. They see the application `examples/probe` from outside, over HTTP: each part of it
 * tells who it is, what it was told and whom it met. No test runner is needed; a check that fails
 * rejects with the reason.
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  ask,
  chain,
  eventually,
  get,
  logsOf,
  refusal,
  refused,
  withProbe,
  type Asked,
  type Identity,
  type Keeper,
  type Refusal,
} from './deployed-probe.js'
import type { DeployerAbility, DeployerUnderTest, ProbeOptions } from './deployer-under-test.js'

/**
 * What a statement leaves of its deployment: all as it was, all but a process that it has killed,
 * or nothing but logs. One that wants `all` or `killed` is content with a deployment that has been
 * left so; what has been `stopped` is all the same to the next that stops it.
 */
export type Left = 'all' | 'killed' | 'stopped'

export interface DeployerStatement {
  /** As in docs/deployers.md. */
  readonly id: string
  readonly says: string
  readonly needs: readonly DeployerAbility[]
  /** What becomes of what it has deployed: `shareDeployments` goes by it. */
  readonly leaves: Left
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
const STOP_MS = 30_000

/**
 * Statements ask for one of three deployments, so that they can share them. The first has a process
 * for each component, and is not disturbed before it is stopped.
 */
const MARK = 'a "quoted" \\ mark, ünïcode\nand a second line'
const FIRST: ProbeOptions = { config: { 'probe/Back': { mark: MARK }, 'weaver/Main': { mark: 'main' } } }
const FIRST_MARKS = ['main', 'none', MARK]
/** Beside the first; processes of it are killed. */
const SECOND: ProbeOptions = {
  config: Object.fromEntries(['weaver/Main', 'probe/Middle', 'probe/Back'].map((component) => [component, { mark: 'two' }])),
}
const SECOND_MARKS = ['two', 'two', 'two']
const TEAM = [['probe/Middle', 'probe/Back']]
/** Two replicas of each component but Main, and two components that share theirs, as far as it can. */
function third({ can }: DeployerUnderTest): ProbeOptions {
  return { ...(can.includes('colocate') ? { colocate: TEAM } : {}), ...(can.includes('replicas') ? { replicas: 2 } : {}) }
}

export const deployerStatements: readonly DeployerStatement[] = [
  statement(
    'D1',
    'a listener accepts requests at the address that the deployer reports, as soon as it reports it',
    [],
    async (deployer) => {
      await withProbe(deployer, FIRST, async (probe) => assert.equal((await chain(probe)).length, 3))
    },
  ),
  statement('D2', 'a component starts after its refs, which its init() may call, and main() after all components', [], async (deployer) => {
    await withProbe(deployer, FIRST, async (probe) => {
      const [main, middle, back] = await chain(probe)
      assert.ok(
        back.startedAt <= middle.startedAt && middle.startedAt <= main.startedAt,
        'they did not start in this order: Back, Middle, Main',
      )
      assert.equal((await ask<Identity>(probe, '/started')).pid, back.pid)
    })
  }),
  statement('D3', 'each component receives its own configuration exactly as written, and no other', [], async (deployer) => {
    await withProbe(deployer, FIRST, async (probe) => assert.deepEqual(marks(await chain(probe)), FIRST_MARKS))
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
      await withProbe(deployer, FIRST, async (probe) => {
        const all = await chain(probe)
        assert.equal(new Set(all.map(({ deploymentId, versionId }) => `${deploymentId} ${versionId}`)).size, 1)
        assert.ok(all.every(({ deploymentId }) => deploymentId !== ''))
        assert.equal(new Set(all.map(({ replica }) => replica)).size, new Set(all.map(({ pid }) => pid)).size)
      })
    },
  ),
  statement('D7', 'two concurrent deployments do not mix: no call crosses from one to the other', [], async (deployer) => {
    await withProbe(deployer, FIRST, (one) =>
      withProbe(deployer, SECOND, async (two) => {
        const asked = Array.from({ length: 30 }, async () => [marks(await chain(one)), marks(await chain(two))])
        for (const [first, second] of await Promise.all(asked)) {
          assert.deepEqual(first, FIRST_MARKS)
          assert.deepEqual(second, SECOND_MARKS)
        }
        assert.notEqual((await chain(one))[2].deploymentId, (await chain(two))[2].deploymentId)
      }),
    )
  }),
  statement(
    'D8',
    'a stop completes what is in flight, accepts nothing new, and exits cleanly',
    [],
    async (deployer) => {
      await withProbe(deployer, FIRST, async (probe) => {
        const inFlight = ask<Identity>(probe, '/slow?ms=1000')
        await sleep(300)
        const began = Date.now()
        const [answer, wrong] = await Promise.all([inFlight, probe.stop()])
        assert.equal(answer.component, 'probe/Back')
        assert.equal(wrong, undefined)
        assert.ok(Date.now() - began < STOP_MS, `the stop took ${Date.now() - began} ms`)
        const late = await get(probe, '/chain').catch(() => undefined) // where nothing else has the address
        assert.equal(late?.body, undefined, 'the listener still answers after the stop')
      })
    },
    'stopped',
  ),
  statement('D9', 'log entries reach the deployer with level, message, component and attributes', ['logs'], async (deployer) => {
    await withProbe(deployer, FIRST, async (probe) => {
      await ask(probe, `/say?text=${encodeURIComponent('ünï "code"')}`)
      const entry = await eventually('the entry of a component', async () =>
        (await logsOf(probe)).find(({ message }) => message === 'probe says'),
      )
      assert.equal(entry.level, 'warn')
      assert.equal(entry.component, 'probe/Back')
      assert.deepEqual({ ...entry.attributes }, { text: 'ünï "code"', number: 7 })
    })
  }),
  statement(
    'D10',
    'each component starts once and shuts down once, and no log entry of that is lost',
    ['logs'],
    async (deployer) => {
      await withProbe(deployer, FIRST, async (probe) => {
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
    },
    'stopped',
  ),
  statement('D11', 'exactly the components that the deployer colocates share a process', ['processes', 'colocate'], async (deployer) => {
    await withProbe(deployer, FIRST, async (probe) => assert.equal(new Set(pids(await chain(probe))).size, 3))
    const { replicas = 1, ...options } = third(deployer)
    await withProbe(deployer, { ...options, ...(replicas === 1 ? {} : { replicas }) }, async (probe) => {
      const of: Record<string, Set<number>> = {}
      await eventually('each replica of a component', async () => {
        for (const { component, pid } of await chain(probe)) (of[component] ??= new Set()).add(pid)
        return of['probe/Middle']?.size === replicas && of['probe/Back']?.size === replicas ? true : undefined
      })
      const [main, middle, back] = ['weaver/Main', 'probe/Middle', 'probe/Back'].map((component) => [...(of[component] ?? [])].sort())
      assert.deepEqual(middle, back)
      assert.ok(main?.every((pid) => middle?.includes(pid) === false))
    })
  }),
  statement(
    'D12',
    'a call to a killed process fails within five seconds as a platform failure, and the rest keeps working',
    ['processes'],
    async (deployer) => {
      await withProbe(
        deployer,
        SECOND,
        async (probe) => {
          const { pid } = await backOf(probe)
          const { pid: met } = await ask<Identity>(probe, '/started')
          const inFlight = await failsFast('the call in flight', () => refusal(probe, '/die'))
          assert.match(inFlight.code ?? '', /^WEAVER_RPC_(?!DEADLINE$)/)
          const { status, body } = await failsFast('the call after it', () => get(probe, '/back'))
          const after = body as Identity & Refusal // as examples/probe answers
          // One that is quick to start it again may have done so.
          if (status === 200) assert.notEqual(after.pid, pid)
          else assert.match(after.code ?? '', /^WEAVER_RPC_/)
          assert.equal((await ask<Identity>(probe, '/started')).pid, met)
        },
        { isKilled: true },
      )
    },
    'killed',
  ),
  statement(
    'D13',
    'a killed process is restarted within half a minute with its configuration, and receives calls again',
    ['processes', 'restart'],
    async (deployer) => {
      await withProbe(
        deployer,
        SECOND,
        async (probe) => {
          const before = await backOf(probe)
          await refusal(probe, '/die')
          const again = await backOf(probe)
          assert.notEqual(again.pid, before.pid)
          assert.deepEqual([again.mark, again.deploymentId], ['two', before.deploymentId])
        },
        { isKilled: true },
      )
    },
    'killed',
  ),
  statement(
    'D14',
    'replicas of a routed component divide its keys, and each key stays with one of them',
    ['processes', 'replicas'],
    async (deployer) => {
      await withProbe(deployer, third(deployer), async (probe) => {
        const owners = async (): Promise<readonly number[]> => (await ask<Keeper[]>(probe, '/keys?count=40')).map(({ pid }) => pid)
        const first = await eventually('an assignment', async () => {
          const [one, two] = [await owners(), await owners()]
          return new Set(one).size === 2 && one.join() === two.join() ? one : undefined
        })
        assert.deepEqual(await owners(), first)
      })
    },
  ),
  statement('D15', 'exactly one replica of a component with a leader leads', ['processes', 'replicas'], async (deployer) => {
    await withProbe(deployer, third(deployer), async (probe) => {
      /** Of both, or nothing: before the keys are shared one may not be seen. */
      const leaders = async (): Promise<readonly number[] | undefined> => {
        const keepers = await ask<Keeper[]>(probe, '/keys?count=40')
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

/** Of Back, which may be on its way up again. */
function backOf(probe: Asked): Promise<Identity> {
  return eventually(
    'the process that was killed',
    async () => {
      const { status, body } = await get(probe, '/back')
      return status === 200 ? (body as Identity) : undefined // as examples/probe answers
    },
    RESTART_MS,
  )
}

function statement(
  id: string,
  says: string,
  needs: readonly DeployerAbility[],
  check: DeployerStatement['check'],
  leaves: Left = 'all',
): DeployerStatement {
  return { id, says, needs, leaves, check }
}
