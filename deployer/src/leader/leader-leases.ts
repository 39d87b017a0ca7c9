/**
 * Who holds the leases of an application's leader components: the port of the deployer's
 * controller, and leases in the memory of one process.
 */

/** One lease. `deploymentId` is absent for one that all versions of the application share. */
export interface LeaseName {
  readonly component: string
  readonly deploymentId?: string
}

export interface LeaderLeases {
  /**
   * Gives the lease to a holder for some time from now on, if nobody else has it; renews it for the
   * one that has it.
   * @returns its token, the same as long as it is renewed, and greater than every earlier one of
   * the component with each new holder; `undefined`: somebody else has it.
   */
  take(name: LeaseName, holder: string, leaseMs: number): Promise<number | undefined>
  /** Ends the lease of this holder; nothing happens when another one has it. */
  release(name: LeaseName, holder: string): Promise<void>
}

/**
 * Leases for a deployer that is one process and takes its weavelets with it when it ends. All
 * versions of an application share one object. Tokens begin at the clock's milliseconds, so they
 * also grow over restarts of the deployer.
 * @param now milliseconds of a clock that never goes back.
 */
export function createMemoryLeases(now: () => number = () => performance.now()): LeaderLeases {
  const leases = new Map<string, { holder: string | undefined; until: number; readonly token: number }>()
  let highest = 0
  const keyOf = ({ component, deploymentId = '' }: LeaseName): string => `${deploymentId} ${component}`
  return {
    take: async (name, holder, leaseMs) => {
      const known = leases.get(keyOf(name))
      const isFree = known?.holder === undefined || now() >= known.until
      if (!isFree && known.holder !== holder) return undefined
      const until = now() + leaseMs
      if (known?.holder === holder) {
        known.until = until // also after its end, when nobody else has had it since
        return known.token
      }
      highest = Math.max(highest + 1, Date.now())
      leases.set(keyOf(name), { holder, until, token: highest })
      return highest
    },
    release: async (name, holder) => {
      const known = leases.get(keyOf(name))
      if (known?.holder === holder) known.holder = undefined
    },
  }
}
