/** Deployments that several statements look at, so that each need not pay for one of its own. */
import assert from 'node:assert/strict'
import type { DeployedProbe, DeployerUnderTest, ProbeOptions } from './deployer-under-test.js'

export interface SharedDeployments {
  /** Deploys once for the same options, and stops nothing. For statements that only look. */
  readonly deployer: DeployerUnderTest
  /** Stops all. @throws AssertionError when one does not stop cleanly */
  close(): Promise<void>
}

export function shareDeployments(deployer: DeployerUnderTest): SharedDeployments {
  const probes = new Map<string, Promise<DeployedProbe>>()
  const deploy = async (options: ProbeOptions): Promise<DeployedProbe> => {
    const key = JSON.stringify(options)
    const deployed = probes.get(key) ?? deployer.deploy(options)
    probes.set(key, deployed)
    const probe = await deployed.catch((error: unknown) => {
      probes.delete(key)
      throw error
    })
    return {
      get url() {
        return probe.url
      },
      ...(probe.logs === undefined ? {} : { logs: probe.logs.bind(probe) }),
      stop: async () => undefined,
    }
  }
  return {
    deployer: { can: deployer.can, deploy },
    async close() {
      const stopped = await Promise.all([...probes.values()].map(async (deployed) => (await deployed).stop()))
      probes.clear()
      for (const wrong of stopped) assert.equal(wrong, undefined)
    },
  }
}
