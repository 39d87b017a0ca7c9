import type { WeaverApp, WeaverAppStatus } from '@weaver/crds'
import { rolloutStory, storyLines } from './rollout-story.js'

const at = (seconds: number): string => new Date(Date.parse('2026-03-01T11:00:00.400Z') + seconds * 1_000).toISOString()
const entry = (seconds: number, event: string, version: string, message: string) => ({ at: at(seconds), event, version, message })
const app = (status: WeaverAppStatus): WeaverApp => ({ status }) as WeaverApp // no more of it is read
const V1 = [
  entry(-900, 'RolloutStarted', 'v1', 'version "v1" starts as the first one'),
  entry(-880, 'Promoted', 'v1', 'version "v1" is the active version'),
]
const V2 = [
  entry(0, 'RolloutStarted', 'v2', 'version "v2" starts beside the active version "v1"'),
  entry(21, 'StepStarted', 'v2', 'step 1/5: version "v2" gets 10 %'),
]
const FAILED = entry(95, 'RolloutFailed', 'v2', 'version "v2" failed: component "shop/Cart", method "add": 5 % of calls fail')

describe('the story of a rollout', () => {
  it('is of the last one, with how it ended and how things are', () => {
    const drained = entry(3_725, 'VersionRemoved', 'v2', 'version "v2" is drained and is removed')
    const story = rolloutStory(
      app({ phase: 'Failed', active: 'v1', desired: 'v2', waitingFor: 'a change of the spec', history: [...V1, ...V2, FAILED, drained] }),
    )
    if (story === undefined) throw new Error('there is one')
    expect(storyLines('default/shop', story)).toEqual([
      'default/shop: version "v2" failed after 1m35s. It began at 2026-03-01T11:00:00Z:',
      '',
      '  +0s        version "v2" starts beside the active version "v1"',
      '  +21s       step 1/5: version "v2" gets 10 %',
      '  +1m35s     version "v2" failed: component "shop/Cart", method "add": 5 % of calls fail',
      '  +1h02m     version "v2" is drained and is removed',
      '',
      'Now the phase is Failed; it waits for a change of the spec.',
    ])
  })

  it('of one that is under way has what the analysis says, and events that are in no history, once', () => {
    const version = { id: 'v2', image: 'i', phase: 'Ready', ready: '1/1', weightDesired: 10 } as const
    const story = rolloutStory(
      app({
        phase: 'Progressing',
        active: 'v1',
        preview: 'v2',
        history: [...V1, ...V2],
        versions: [{ ...version, analysis: { state: 'Inconclusive', reason: 'too few calls' } }],
      }),
      [
        { at: at(-5), reason: 'InvalidSpec', message: 'of before' },
        { at: at(21), reason: 'StepStarted', message: 'step 1/5: version "v2" gets 10 %' },
        { at: at(10), reason: 'ImagePullFailed', message: 'the image could not be pulled' },
      ],
    )
    expect(story).toMatchObject({ version: 'v2', outcome: 'underWay', analysis: 'Inconclusive: too few calls' })
    expect(story?.entries.map(({ event, afterMs }) => [event, afterMs])).toEqual([
      ['RolloutStarted', 0],
      ['ImagePullFailed', 10_000],
      ['StepStarted', 21_000],
    ])
    expect(story).not.toHaveProperty('endedAt')
  })

  it.each([
    ['Promoted', 'promoted'],
    ['RolloutAborted', 'aborted'],
    ['RolledBack', 'rolledBack'],
    ['Superseded', 'superseded'],
  ])('ends with %s as %s', (event, outcome) => {
    expect(rolloutStory(app({ active: 'v1', history: [...V1, ...V2, entry(60, event, 'v2', 'm')] }))?.outcome).toBe(outcome)
  })

  it('may be of the first version, which failed for a while; or there is none', () => {
    expect(rolloutStory(app({ active: 'v1', history: V1 }))).toMatchObject({ outcome: 'first', endedAt: at(-880) })
    expect(rolloutStory(app({ preview: 'v1', history: [V1[0] ?? FAILED, { ...FAILED, version: 'v1' }] }))?.outcome).toBe('underWay')
    expect([rolloutStory(app({})), rolloutStory(app({ history: [FAILED] }))]).toEqual([undefined, undefined])
  })
})
