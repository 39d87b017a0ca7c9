import { deploymentsView, type DeploymentsState } from '../views/deployments.js'
import { startLive } from './live.js'

startLive<DeploymentsState>({ view: deploymentsView, stream: () => 'events' })
