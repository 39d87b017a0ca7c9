/** The leader components of one weavelet. */
import type { Component, Hooks, Lease } from '../component/component.js'
import { Leadership, type LeadershipOptions } from './leadership.js'

export interface Leaders {
  /**
   * Ends all leadership. Resolves to true when every `lead()` has ended, or to false after the
   * limit.
   */
  stop(limitMs: number): Promise<boolean>
}

/** Makes every hosted component with the option `leader` a candidate. */
export function startLeaders(
  options: Pick<LeadershipOptions, 'transport' | 'deploymentId' | 'replica' | 'log'> & {
    readonly hosted: readonly { readonly token: Component<unknown>; readonly instance: object & Hooks }[]
  },
): Leaders {
  const { hosted, ...rest } = options
  const all = hosted
    .filter(({ token }) => token.options.leader !== undefined)
    .map(({ token, instance }) => {
      const lead = (lease: Lease): Promise<void> | void => instance.lead?.(lease) // the start has checked that it exists
      return { component: token.name, leadership: new Leadership({ ...rest, component: token.name, lead }) }
    })
  for (const { leadership } of all) leadership.start()
  return {
    async stop(limitMs) {
      const open = new Set(all.map(({ component }) => component))
      let timer: NodeJS.Timeout | undefined
      const limit = new Promise<void>((resolve) => (timer = setTimeout(resolve, limitMs)))
      const ends = all.map(({ component, leadership }) => leadership.stop().then(() => open.delete(component)))
      await Promise.race([Promise.all(ends), limit])
      clearTimeout(timer)
      if (open.size > 0)
        rest.log.error('lead() did not end when the process stopped; the stop goes on without it', { components: [...open] })
      return open.size === 0
    },
  }
}
