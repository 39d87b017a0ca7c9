import { trafficView } from '../views/traffic.js'
import type { DeploymentState } from '../watch.js'
import { startLive } from './live.js'

startLive<DeploymentState>({ view: trafficView, stream: ({ deployment }) => `d/${encodeURIComponent(deployment.key)}/events` })
