import { startDeploymentBroker, type BrokerPlace } from './deployment-broker.js'
import type { ProcessSite } from './process-site.js'

/** This machine. */
export function localSite(place: BrokerPlace): ProcessSite {
  return { startBroker: (of) => startDeploymentBroker({ ...of, ...place }) }
}
