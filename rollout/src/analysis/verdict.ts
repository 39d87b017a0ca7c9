/** What an analysis says of a preview, as data. */

/** How much worse than the active version a preview may be. */
export interface AnalysisLimits {
  /**
   * By how much the share of a method's calls that fail may exceed that of the active version: 0.01
   * is one percentage point.
   */
  readonly maxErrorRateIncrease: number
  /** How many times as long as in the active version a method's calls may take; at least 1. */
  readonly maxLatencyFactor: number
  /** Calls of a method that both versions must have had before anything is concluded from it. */
  readonly minSamples: number
}

export interface Samples {
  readonly active: number
  readonly preview: number
}

/** The method that is worse in the preview than in the active version, and by how much. */
export type AnalysisBlame = { readonly component: string; readonly method: string; readonly samples: Samples } & (
  | {
      readonly what: 'errors'
      /** Shares of calls that failed, 0 to 1. */
      readonly active: number
      readonly preview: number
    }
  | {
      readonly what: 'latency'
      /** Which quantile the values are: 0.5 is the median. */
      readonly quantile: number
      /** In seconds. */
      readonly active: number
      readonly preview: number
    }
)

export type Verdict =
  | {
      readonly kind: 'pass'
      /** Methods with enough calls in both versions. */
      readonly methods: number
      /** Of those the one that comes nearest to a failure. */
      readonly nearest: AnalysisBlame
    }
  | { readonly kind: 'fail'; readonly blame: AnalysisBlame }
  /** Nothing can be said. `samples`: of the method that comes nearest to `needed`. */
  | { readonly kind: 'inconclusive'; readonly why: 'samples'; readonly samples: Samples; readonly needed: number }
  /** The numbers of a version cannot be read, which says nothing of the version. */
  | { readonly kind: 'inconclusive'; readonly why: 'unreadable'; readonly reason: string }

/** A verdict, and of which window. One of another window than the present is ignored. */
export interface ObservedAnalysis {
  readonly window: string
  readonly verdict: Verdict
}
