import { rolloutPathOf, rolloutView, type RolloutPageState } from '../views/rollout.js'
import { startLive } from './live.js'

startLive<RolloutPageState>({
  view: rolloutView,
  merge: (state, { ask }) => ({ ...state, ...(ask === undefined ? {} : { ask }) }),
  stream: ({ rollout }) => `${rolloutPathOf(rollout.app)}/events`,
  ended: 'This application has ended; what is shown is what was seen last.',
})
