import { rolloutEnds } from './rollout-end.js'

const NOW = Date.parse('2026-01-01T00:10:00Z')
const started = (version: string, at: string) => ({ at, event: 'RolloutStarted', version, message: '' })
const event = (reason: 'Promoted' | 'RolloutFailed' | 'RolloutAborted' | 'Superseded' | 'RolledBack' | 'StepStarted', version = 'v2') => ({
  type: 'Normal' as const,
  reason,
  version,
  message: '',
})

describe('rollout end', () => {
  it.each([
    ['Promoted', 'promoted'],
    ['RolloutFailed', 'failed'],
    ['RolloutAborted', 'aborted'],
    ['Superseded', 'superseded'],
    ['RolledBack', 'rolled-back'],
  ] as const)('%s is the outcome %s, counted from the last start of that version', (reason, outcome) => {
    const history = [started('v2', '2026-01-01T00:00:00Z'), started('v2', '2026-01-01T00:08:00Z'), started('v3', '2026-01-01T00:09:00Z')]
    expect(rolloutEnds({ history }, [event(reason)], NOW)).toEqual([{ version: 'v2', outcome, seconds: 120 }])
  })

  it('is none for a step, for a first version that is still waited for, and for one whose start is not known any more', () => {
    const history = [started('v2', '2026-01-01T00:08:00Z')]
    expect(rolloutEnds({ history }, [event('StepStarted')], NOW)).toEqual([])
    expect(rolloutEnds({ history, preview: 'v2' }, [event('RolloutFailed')], NOW)).toEqual([])
    expect(rolloutEnds({ history }, [event('Promoted', 'v1')], NOW)).toEqual([])
    expect(rolloutEnds({}, [event('Promoted')], NOW)).toEqual([])
  })

  it('can be two in one pass, and never lasts less than nothing', () => {
    const history = [started('v2', '2026-01-01T00:11:00Z'), started('v3', '2026-01-01T00:09:00Z')]
    expect(rolloutEnds({ history }, [event('Superseded'), event('Promoted', 'v3')], NOW)).toEqual([
      { version: 'v2', outcome: 'superseded', seconds: 0 },
      { version: 'v3', outcome: 'promoted', seconds: 60 },
    ])
  })
})
