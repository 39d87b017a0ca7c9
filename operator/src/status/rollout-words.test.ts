import { REASONS } from '@weaver/crds'
import type { Awaited, RolloutEvent } from '@weaver/rollout'
import { wordAwaited, wordEvent } from './rollout-words.js'

const STEP = { index: 1, count: 3, weight: 25 }
const AT = Date.parse('2026-01-01T00:01:00.500Z')
const BLAME = 'component "a/B": pod "p": CrashLoopBackOff'

describe('what is awaited, in words', () => {
  it.each<[Awaited, string]>([
    [{ kind: 'removal', version: 'v1', thenStarts: true }, 'the objects of version "v1" to be gone; then it starts anew'],
    [{ kind: 'removal', version: 'v1', thenStarts: false }, 'the objects of version "v1" to be gone'],
    [{ kind: 'ready', version: 'v2', exists: true, blame: BLAME }, `version "v2" to be ready: ${BLAME}`],
    [{ kind: 'ready', version: 'v2', exists: true }, 'version "v2" to be ready: it is not ready'],
    [{ kind: 'ready', version: 'v2', exists: false }, 'version "v2" to be ready: nothing of it exists yet'],
    [{ kind: 'verdict', version: 'v2', ready: true }, 'promote or abort: the progress deadline is over'],
    [
      { kind: 'verdict', version: 'v2', ready: false, blame: 'slow' },
      'promote or abort: the progress deadline is over (version "v2": slow)',
    ],
    [{ kind: 'verdict', version: 'v2', ready: false }, 'promote or abort: the progress deadline is over (version "v2": it is not ready)'],
    [
      {
        kind: 'weights',
        shares: [
          { version: 'v1', asked: 90, observed: 93 },
          { version: 'v2', asked: 10 },
        ],
      },
      'the proxies to have the weights asked for ("v1": 93 % of 90 %, "v2": not known of 10 %)',
    ],
    [
      { kind: 'weights', shares: [{ version: 'v1', asked: 100, observed: 0 }], blame: 'proxy "p" does not answer' },
      'the proxies to have the weights asked for ("v1": 0 % of 100 %): proxy "p" does not answer',
    ],
    [{ kind: 'unpaused' }, 'spec.rollout.paused to be set to false'],
    [{ kind: 'nextStep', version: 'v2' }, 'the next step of version "v2"'],
    [{ kind: 'promotion', step: STEP }, 'promote, to go on from step 2/3 (25 %): set the annotation weaver.dev/promote'],
    [{ kind: 'hold', step: STEP, until: AT }, 'the hold of step 2/3 (25 %) to end at 2026-01-01T00:01:00Z'],
    [{ kind: 'hold', step: STEP }, 'the hold of step 2/3 (25 %) to end'],
    [{ kind: 'otherVersion', version: 'v2' }, 'a change of the spec, or retry: version "v2" was given up'],
    [{ kind: 'drained', version: 'v1' }, 'version "v1" to say how much is in flight'],
    [{ kind: 'drained', version: 'v1', inFlight: 1 }, 'version "v1" to finish 1 request in flight'],
    [{ kind: 'drained', version: 'v1', inFlight: 2 }, 'version "v1" to finish 2 requests in flight'],
    [{ kind: 'released', version: 'v1' }, 'the proxies to let go of version "v1"'],
  ])('%j', (awaited, words) => {
    expect(wordAwaited(awaited)).toBe(words)
  })
})

describe('transitions, in words', () => {
  const stall = { deadlineMs: 90_500, missing: 'ready', blame: BLAME } as const
  it.each<[RolloutEvent, 'Normal' | 'Warning', string]>([
    [{ kind: 'Adopted', version: 'v1' }, 'Warning', 'nothing was remembered of this app; version "v1" is taken as the active one'],
    [{ kind: 'RolloutStarted', version: 'v1' }, 'Normal', 'version "v1" starts as the first one'],
    [{ kind: 'RolloutStarted', version: 'v2', beside: 'v1' }, 'Normal', 'version "v2" starts beside the active version "v1"'],
    [{ kind: 'Superseded', version: 'v2', by: 'v3' }, 'Normal', 'the spec asks for version "v3"; version "v2" gives its traffic back'],
    [
      { kind: 'RolledBack', version: 'v2', to: 'v1' },
      'Normal',
      'the spec asks for version "v1" again; version "v2" gives its traffic back',
    ],
    [{ kind: 'StepStarted', version: 'v2', ...STEP, pause: false }, 'Normal', 'step 2/3: version "v2" gets 25 %'],
    [{ kind: 'StepStarted', version: 'v2', ...STEP, pause: true }, 'Normal', 'step 2/3: version "v2" gets 25 %, then waits for promote'],
    [{ kind: 'Promoted', version: 'v1' }, 'Normal', 'version "v1" is the active version'],
    [{ kind: 'Promoted', version: 'v2', from: 'v1' }, 'Normal', 'version "v2" is the active version; version "v1" drains'],
    [
      { kind: 'PreviewDegraded', version: 'v2', blame: BLAME, active: 'v1', activeServes: true },
      'Warning',
      `version "v2" cannot serve: ${BLAME}; traffic goes back to "v1"`,
    ],
    [
      { kind: 'PreviewDegraded', version: 'v2', active: 'v1', activeServes: false },
      'Warning',
      'version "v2" cannot serve: it is not ready; "v1" cannot either, so traffic stays where it is',
    ],
    [
      { kind: 'ActiveUnservable', version: 'v1', blame: BLAME, instead: 'v2' },
      'Warning',
      `version "v1" cannot serve: ${BLAME}; version "v2" has its traffic`,
    ],
    [
      { kind: 'RolloutFailed', version: 'v2', stall, active: 'v1' },
      'Warning',
      `version "v2" failed: no progress within 90.5 s (spec.rollout.progressDeadline): ${BLAME}; version "v1" has all traffic`,
    ],
    [
      { kind: 'RolloutFailed', version: 'v1', stall: { deadlineMs: 600_000, missing: 'ready' } },
      'Warning',
      'version "v1" failed: no progress within 600 s (spec.rollout.progressDeadline): it is not ready; there is no version to go back to, so it is still waited for',
    ],
    [
      { kind: 'RolloutHalted', version: 'v2', stall: { deadlineMs: 600_000, missing: 'weights' } },
      'Warning',
      'version "v2" is halted: no progress within 600 s (spec.rollout.progressDeadline): the proxies do not have the weights that were asked for',
    ],
    [
      { kind: 'RolloutHalted', version: 'v2', stall: { deadlineMs: 600_000, missing: 'weights', blame: 'proxy "p" does not answer' } },
      'Warning',
      'version "v2" is halted: no progress within 600 s (spec.rollout.progressDeadline): the proxies do not have the weights that were asked for: proxy "p" does not answer',
    ],
    [{ kind: 'RolloutResumed', version: 'v2' }, 'Normal', 'the rollout of version "v2" goes on'],
    [
      { kind: 'RolloutFailed', version: 'v2', stall: { deadlineMs: 600_000, missing: 'steady' }, active: 'v1' },
      'Warning',
      'version "v2" failed: no progress within 600 s (spec.rollout.progressDeadline): it was ready again and again, and got no further than before; version "v1" has all traffic',
    ],
    [
      { kind: 'RolloutPaused', version: 'v2', note: 'jane: lunch' },
      'Normal',
      'the rollout of version "v2" is paused: its weights stay until resume or promote (jane: lunch)',
    ],
    [{ kind: 'StepPromoted', version: 'v2', full: false }, 'Normal', 'version "v2" is promoted past the hold or pause of its step'],
    [
      { kind: 'StepPromoted', version: 'v2', full: true, note: 'jane' },
      'Normal',
      'version "v2" is promoted to 100 %, without the steps and holds that are left (jane)',
    ],
    [
      { kind: 'RolloutAborted', version: 'v2', active: 'v1', note: 'jane: errors' },
      'Warning',
      'version "v2" was given up: a user aborted it (jane: errors); version "v1" has all traffic',
    ],
    [
      { kind: 'RolloutAborted', version: 'v2', active: 'v1' },
      'Warning',
      'version "v2" was given up: a user aborted it; version "v1" has all traffic',
    ],
    [{ kind: 'RolloutAborted', version: 'v1' }, 'Warning', 'version "v1" was given up: a user aborted it; no version serves'],
    [{ kind: 'DrainStarted', version: 'v1' }, 'Normal', 'version "v1" gets no new requests and finishes those in flight'],
    [
      { kind: 'DrainCut', at: 'release', version: 'v1', inFlight: 3, timeoutMs: 300_000 },
      'Warning',
      'version "v1" has 3 requests and open connections in flight, which are cut: its drain timeout of 300 s (spec.rollout.drainTimeout) is over',
    ],
    [
      { kind: 'DrainCut', at: 'removal', version: 'v1', afterMs: 300_600 },
      'Warning',
      'version "v1" is removed with an unknown number of requests in flight: 301 s after its last traffic its drain timeout is over',
    ],
    [{ kind: 'VersionRemoved', version: 'v1' }, 'Normal', 'version "v1" is drained and is removed'],
    [{ kind: 'VersionRemoved', version: 'v1', cut: 3 }, 'Normal', 'version "v1" is removed; 3 requests and open connections were cut'],
    [
      { kind: 'VersionRemoved', version: 'v1', cut: 'unknown' },
      'Normal',
      'version "v1" is removed; an unknown number of requests and open connections were cut',
    ],
  ])('%j', (event, type, message) => {
    expect(wordEvent(event)).toEqual({ type, reason: event.kind, version: event.version, message })
    expect(REASONS).toHaveProperty(event.kind)
  })
})
