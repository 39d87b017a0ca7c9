/** What happens after a weavelet has died. Pure. */

/**
 * - `restart`: another process takes its place, after a pause that grows from death to death.
 * - `stop-all`: nothing; its deployer is to stop the whole deployment.
 * - `leave`: nothing; the rest of the deployment goes on without it.
 */
export type RestartPolicy =
  | {
      readonly kind: 'restart'
      readonly backoff?: Partial<Backoff>
      /**
       * Also when it dies before it has ever been ready. Otherwise such a start has failed, and the
       * deployer hears the reason.
       * @default false
       */
      readonly fromFirstStart?: boolean
    }
  | { readonly kind: 'stop-all' }
  | { readonly kind: 'leave' }

/** All in milliseconds. */
export interface Backoff {
  /** Before the first restart. @default 100 */
  readonly initialMs: number
  /** Each further pause is twice as long, up to this. @default 30000 */
  readonly maxMs: number
  /**
   * A weavelet that was ready for this long has recovered: its next death counts as the first.
   * @default 60000
   */
  readonly recoveredMs: number
}

const DEFAULT_BACKOFF: Backoff = { initialMs: 100, maxMs: 30_000, recoveredMs: 60_000 }

/** What the decision depends on, beside the policy. */
export interface DeathRecord {
  /** Whether any process of this weavelet has been ready. */
  readonly wasEverReady: boolean
  /** How long the one that died was ready. */
  readonly readyMs: number
  /** Deaths before this one since it last recovered. */
  readonly failures: number
}

export type NextStep =
  /** `failures` is the count for the next decision. */
  | { readonly kind: 'restart'; readonly afterMs: number; readonly failures: number }
  | { readonly kind: 'stop-all' }
  | { readonly kind: 'leave' }
  /** It never became ready, and is not tried again. */
  | { readonly kind: 'fail' }

export function nextStep(policy: RestartPolicy, { wasEverReady, readyMs, failures }: DeathRecord): NextStep {
  if (!wasEverReady && !(policy.kind === 'restart' && policy.fromFirstStart === true)) return { kind: 'fail' }
  if (policy.kind !== 'restart') return policy
  const backoff = { ...DEFAULT_BACKOFF, ...policy.backoff }
  const before = readyMs >= backoff.recoveredMs ? 0 : failures
  return { kind: 'restart', afterMs: Math.min(backoff.maxMs, backoff.initialMs * 2 ** before), failures: before + 1 }
}
