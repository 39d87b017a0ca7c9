import { verbs } from './commands.js'
import { decide } from './engine.js'
import type { RolloutCommand, RolloutInput, RolloutState } from './types.js'

const NOW = 1_800_000_000_000
const HALTED: RolloutState = {
  active: 'v1',
  preview: 'v2',
  weights: { v1: 90, v2: 10 },
  step: 0,
  stepWeight: 10,
  progressAt: NOW,
  halted: true,
  draining: [],
  failed: [],
}

function call(state: RolloutState, commands: readonly RolloutCommand[]) {
  const view = { ready: true, servable: true, inFlight: 0, released: false }
  const input: RolloutInput = {
    now: NOW,
    desired: 'v2',
    policy: {
      steps: [
        { weight: 10, holdMs: 0, pause: true },
        { weight: 100, holdMs: 0, pause: false },
      ],
      progressDeadlineMs: 60_000,
      onFailure: 'pause',
      paused: false,
      drainTimeoutMs: 60_000,
    },
    versions: [
      { id: 'v1', ...view, weightObserved: 90 },
      { id: 'v2', ...view, weightObserved: 10 },
    ],
    state,
    commands,
  }
  return decide(input)
}
const kinds = (decision: ReturnType<typeof call>) => decision.events.map((e) => e.kind)

describe('commands', () => {
  it('take precedence in the order of their table, and the others are dropped', () => {
    expect(verbs()).toEqual(['burn', 'abort', 'pause', 'promoteFull', 'promote', 'resume', 'retry'])
    const d = call(HALTED, [{ verb: 'promote' }, { verb: 'abort' }])
    expect(kinds(d)).toEqual(['RolloutAborted', 'DrainStarted'])
    expect(d.state.commandsSeen).toEqual({ abort: '', promote: '' })
  })

  it('that are still given do not hide another that is new', () => {
    const d = call({ ...HALTED, commandsSeen: { abort: '' } }, [{ verb: 'abort' }, { verb: 'promote' }])
    expect(kinds(d)).toEqual(['RolloutResumed'])
    expect(d.state).toMatchObject({ preview: 'v2', commandsSeen: { abort: '', promote: '' } })
  })

  it('with another note are other commands, also while the first is still given', () => {
    const once = call(HALTED, [{ verb: 'promote', note: 'jane: first' }])
    const still = call(once.state, [{ verb: 'promote', note: 'jane: first' }])
    expect(still.events).toEqual([])
    const twice = call(still.state, [{ verb: 'promote', note: 'jane: second' }])
    expect(kinds(twice)).toEqual(['StepPromoted', 'StepStarted'])
    expect(twice.state.commandsSeen).toEqual({ promote: 'jane: second' })
    // A state of a release that kept no notes.
    expect(call({ ...HALTED, commandsSeen: { promote: true } }, [{ verb: 'promote', note: 'jane' }]).events).toEqual([])
  })

  it('count anew once they were absent', () => {
    const { state } = call({ ...HALTED, commandsSeen: { promote: '' } }, [])
    expect(state.commandsSeen).toBeUndefined()
    expect(kinds(call(state, [{ verb: 'promote' }]))).toEqual(['RolloutResumed'])
  })

  it('that come without a rollout under way change nothing', () => {
    const { preview: _none, halted: _nor, ...settled } = HALTED
    expect(call({ ...settled, active: 'v2', failed: [] }, [{ verb: 'abort' }]).state).toMatchObject({ active: 'v2', failed: [] })
  })
})
