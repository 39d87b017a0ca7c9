import type { VersionAnalysis } from '@weaver/crds'
import type { AnalysisBlame, RolloutState, Verdict } from '@weaver/rollout'
import { analysisCondition, versionAnalysis } from './analysis-status.js'

const STATE: RolloutState = { active: 'v1', preview: 'v2', step: 1, stepWeight: 25, progressAt: 0, draining: [], failed: [] }
const slow: AnalysisBlame = {
  component: 'shop/Stock',
  method: 'reserve',
  what: 'latency',
  quantile: 0.95,
  active: 0.0201,
  preview: 0.08765,
  samples: { active: 3_000, preview: 400 },
}
const PASS: Verdict = { kind: 'pass', methods: 3, nearest: slow }
const FAIL: Verdict = { kind: 'fail', blame: slow }
const SHORT: Verdict = { kind: 'inconclusive', why: 'samples', samples: { active: 90, preview: 4 }, needed: 50 }
const BLIND: Verdict = { kind: 'inconclusive', why: 'unreadable', reason: 'no pod of group "main" answers' }
const found = (verdict?: Verdict, state: RolloutState = STATE, before?: VersionAnalysis, id = 'v2') =>
  versionAnalysis(id, { version: 'v2', ...(verdict === undefined ? {} : { verdict }) }, { state, before })

describe('the analysis in status', () => {
  it.each([
    [PASS, 'Passing', /^of 3 methods that have had enough calls none is worse/],
    [FAIL, 'Failed', /^component "shop\/Stock", method "reserve": 95 % of calls take up to 88 ms, in the active version 20 ms/],
    [SHORT, 'Inconclusive', /^no method has had 50 calls in both versions yet: at most 4 here and 90 in the active version$/],
    [BLIND, 'Inconclusive', /^what was counted cannot be read: no pod of group "main" answers$/],
    [undefined, 'Inconclusive', /^nothing of this step has been compared yet$/],
  ])('of the verdict %j is %s', (verdict, state, reason) => {
    expect(found(verdict)).toMatchObject({ state, reason: expect.stringMatching(reason) })
  })

  it('has values in percent and milliseconds, with three digits', () => {
    const { component, method } = slow
    const worst = { component, method, what: 'latency', quantile: 0.95, active: 20.1, preview: 87.7, calls: slow.samples }
    expect(found(PASS)?.worst).toEqual(worst)
    expect(found({ kind: 'fail', blame: { ...slow, what: 'errors', active: 0.001, preview: 0.05123 } })?.worst).toMatchObject({
      what: 'errors',
      active: 0.1,
      preview: 5.12,
    })
  })

  it('is of the preview alone, and stays with a version that was given up for it', () => {
    const failed = found(FAIL)
    const { preview: _gone, ...alone } = STATE
    expect([found(FAIL, alone), found(undefined, alone, failed)]).toEqual([failed, failed])
    expect([found(PASS, alone), found(undefined, alone, found(PASS)), found(PASS, STATE, undefined, 'v1')]).toEqual(
      Array(3).fill(undefined),
    )
    const { active: _none, ...first } = STATE
    expect(found(undefined, first)).toBeUndefined() // there is nothing to compare it with
  })

  it('of a rollout that was halted, or is only watched, is the failure, whoever looks', () => {
    for (const verdict of [undefined, PASS]) expect(found(verdict, { ...STATE, condemned: slow })).toEqual(found(FAIL))
  })

  it('stays what it was at 100 %, where the other version has no calls, and begins anew without traffic', () => {
    expect(found(undefined, { ...STATE, step: 4, stepWeight: 100 }, found(PASS))).toEqual(found(PASS))
    const { stepWeight: _none, ...none } = STATE
    expect(found(undefined, { ...none, step: -1 }, found(PASS))).toEqual({ state: 'Inconclusive', reason: 'it has no traffic yet' })
  })

  it('has a condition whose message does not count along', () => {
    const conditions = [PASS, FAIL, SHORT, BLIND].map((verdict) => analysisCondition('v2', found(verdict) as VersionAnalysis, verdict)) // each has one
    expect(conditions.map(({ status, reason }) => `${status} ${reason}`)).toEqual([
      'True NoneWorse',
      'False AnalysisFailed',
      'Unknown AnalysisInconclusive',
      'Unknown AnalysisInconclusive',
    ])
    expect(conditions[2]?.message).toBe('version "v2": no method has had 50 calls in both versions yet')
  })
})
