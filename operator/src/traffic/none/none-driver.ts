import type { TrafficDriver } from '../driver.js'
import { assumedTraffic } from './assumed-traffic.js'

/**
 * Traffic driver `none`: something else splits the traffic, by the status of the app. There is
 * nothing to create and nothing to read back.
 */
export function createNoneDriver(): TrafficDriver {
  return {
    capabilities: { countsRequests: false },
    sync: async (plan) => assumedTraffic(plan),
    async remove() {},
    forget() {},
    async close() {},
  }
}
