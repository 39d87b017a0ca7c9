import { overviewView } from '../views/overview.js'
import type { DeploymentState } from '../watch.js'
import { enableCopy, startLive } from './live.js'

startLive<DeploymentState>({ view: overviewView, stream: ({ deployment }) => `d/${encodeURIComponent(deployment.key)}/events` })
enableCopy()
