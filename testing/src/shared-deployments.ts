/**
 * Deployments that several statements use one after the other, so that each need not pay for one of
 * its own: of the whole suite five, two of which must not start.
 */
import assert from 'node:assert/strict'
import type { DeployerStatement, Left } from './deployer-conformance.js'
import type { DeployedProbe, DeployerUnderTest, ProbeOptions } from './deployer-under-test.js'

export interface SharedDeployments {
  /**
   * Statements in the order that needs the fewest deployments: those that only look first, those
   * that stop something last.
   */
  inOrder(statements: readonly DeployerStatement[]): readonly DeployerStatement[]
  /** The deployer for one statement: gives what others have left, as far as that will do. */
  for(statement: DeployerStatement): DeployerUnderTest
  /** Stops all. @throws AssertionError when one of which no process was killed does not stop cleanly */
  close(): Promise<void>
}

interface Shared {
  readonly probe: DeployedProbe
  left: Left
  /** The first stop counts. */
  stopped?: Promise<string | undefined>
}

const ORDER: readonly Left[] = ['all', 'killed', 'stopped']

export function shareDeployments(deployer: DeployerUnderTest): SharedDeployments {
  const all = new Map<string, Promise<Shared>>()
  const deploy = async (options: ProbeOptions, leaves: Left): Promise<DeployedProbe> => {
    const key = JSON.stringify(options)
    const found = await all.get(key)
    if (found !== undefined && found.left !== 'all' && found.left !== leaves) {
      await stop(found)
      all.delete(key)
    }
    const deploying = all.get(key) ?? deployer.deploy(options).then((probe): Shared => ({ probe, left: 'all' }))
    all.set(key, deploying)
    const shared = await deploying.catch((error: unknown) => {
      all.delete(key)
      throw error
    })
    if (leaves !== 'all') shared.left = leaves
    const { probe } = shared
    return {
      get url() {
        return probe.url
      },
      ...(probe.host === undefined ? {} : { host: probe.host }),
      ...(probe.logs === undefined ? {} : { logs: probe.logs.bind(probe) }),
      stop: async () => (leaves === 'stopped' ? stop(shared) : undefined),
    }
  }
  return {
    inOrder: (statements) => [...statements].sort((a, b) => ORDER.indexOf(a.leaves) - ORDER.indexOf(b.leaves)),
    for: ({ leaves }) => ({ can: deployer.can, deploy: (options) => deploy(options, leaves) }),
    async close() {
      const left = await Promise.all(
        [...all.values()].map(async (deploying) => {
          const shared = await deploying
          return { left: shared.left, wrong: await stop(shared) }
        }),
      )
      all.clear()
      for (const { left: how, wrong } of left) if (how !== 'killed') assert.equal(wrong, undefined)
    },
  }
}

function stop(shared: Shared): Promise<string | undefined> {
  return (shared.stopped ??= shared.probe.stop())
}
