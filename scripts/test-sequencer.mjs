// Which test file starts when. jest orders by what a file took the last time, which a fresh checkout does not know, and then by size; some of the longest are short. A long
// file that starts last leaves every other worker idle until it ends.
import { basename } from 'node:path'
import Sequencer from '@jest/test-sequencer'

/** Seconds on a busy machine of two cores, from the report that `scripts/test.sh` ends with. What is not here takes less than twenty. */
const SECONDS = new Map(
  Object.entries({
    'conformance.test.ts': 216,
    'proxy-driver.test.ts': 146,
    'recipes.test.ts': 135,
    'reconcile-crash.api.test.ts': 90,
    'reconcile.api.test.ts': 70,
    'leadership.nats.test.ts': 72,
    'own-children.api.test.ts': 60,
    'app-control.api.test.ts': 60,
    'cable-faults.nats.test.ts': 67,
    'parts.nats.test.ts': 58,
    'gke-local.nats.test.ts': 75,
    'multi.nats.test.ts': 58,
    'widths.test.ts': 56,
    'broker.nats.test.ts': 54,
    'commands.nats.test.ts': 51,
    'processes.nats.test.ts': 47,
    'random-types.test.ts': 40,
    'run-memory.test.ts': 38,
    'known-versions.api.test.ts': 40,
    'fakes.test.ts': 36,
    'stale.test.ts': 35,
    'projects.test.ts': 35,
    'runners.test.ts': 33,
    'kube-leases.api.test.ts': 32,
    'stream-parts.nats.test.ts': 31,
    'check-generated.test.ts': 28,
    'leader-lease.api.test.ts': 26,
    'callee-watch.nats.test.ts': 26,
    'rollout-end.api.test.ts': 25,
    'nats-credentials.nats.test.ts': 23,
    'output.test.ts': 22,
    'hygiene.test.ts': 21,
    'engine.explore.test.ts': 21,
  }),
)
const secondsOf = ({ path }) => SECONDS.get(basename(path)) ?? 0

export default class extends Sequencer {
  async sort(tests) {
    const sorted = await super.sort(tests)
    return [...sorted].sort((a, b) => secondsOf(b) - secondsOf(a))
  }
}
