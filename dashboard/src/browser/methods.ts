import { methodsView, type MethodsState } from '../views/methods.js'
import { startLive } from './live.js'

startLive<MethodsState>({
  view: methodsView,
  merge: (state, { window }) => ({ ...state, window }),
  stream: ({ deployment }) => `d/${encodeURIComponent(deployment.key)}/events`,
})
