/**
 * What the engine reports as data, in words for people. What a platform calls its own things is
 * handed in.
 */
import type { AnalysisBlame } from './analysis/verdict.js'
import type { Awaited, StepPosition } from './awaited.js'
import type { BurnRefusal, RolloutEvent, Stall } from './events.js'

/** Names that a platform has for what a user can set or do. */
export interface RolloutTerms {
  /** The deadline of progress, as it is set. */
  readonly progressDeadline: string
  readonly drainTimeout: string
  /** What asks for a version: "the spec". */
  readonly asker: string
  /** Completes "waiting for …" while a rollout is paused. */
  readonly unpaused: string
  /** How a user promotes. */
  readonly howToPromote: string
  /** What a version consists of: "objects". */
  readonly parts: string
}

const WARNINGS: ReadonlySet<RolloutEvent['kind']> = new Set<RolloutEvent['kind']>([
  'Adopted',
  'PreviewDegraded',
  'ActiveUnservable',
  'AnalysisFailed',
  'RolloutFailed',
  'RolloutHalted',
  'RolloutAborted',
  'VersionBurned',
  'BurnRefused',
  'BurnedNotStarted',
  'DrainCut',
])

/** Whether a transition is one that somebody should look at. */
export function isWarning({ kind }: RolloutEvent): boolean {
  return WARNINGS.has(kind)
}

/**
 * Completes "waiting for …". What follows the first colon or bracket is why, and is left out of
 * columns.
 */
export function wordAwaited(a: Awaited, terms: RolloutTerms): string {
  switch (a.kind) {
    case 'removal':
      return `the ${terms.parts} of version "${a.version}" to be gone${a.thenStarts ? '; then it starts anew' : ''}`
    case 'ready':
      return `version "${a.version}" to be ready: ${a.blame ?? (a.exists ? NOT_READY : 'nothing of it exists yet')}`
    case 'verdict':
      if (a.analysis !== undefined) return `promote or abort: ${wordBlame(a.analysis)}`
      return `promote or abort: the progress deadline is over${a.ready ? '' : ` (version "${a.version}": ${a.blame ?? NOT_READY})`}`
    case 'weights': {
      const shares = a.shares.map(
        ({ version, asked, observed }) => `"${version}": ${observed === undefined ? 'not known' : `${observed} %`} of ${asked} %`,
      )
      return `the proxies to have the weights asked for (${shares.join(', ')})${because(a.blame)}`
    }
    case 'unpaused':
      return terms.unpaused
    case 'resume':
      return `resume or promote: a user paused the rollout${asked(a.note)}`
    case 'nextStep':
      return `the next step of version "${a.version}"`
    case 'promotion':
      return `promote, to go on from ${position(a.step)}: ${terms.howToPromote}`
    case 'hold':
      return `the hold of ${position(a.step)} to end${a.until === undefined ? '' : ` at ${time(a.until)}`}`
    case 'analysis': {
      const lack = a.samples === undefined ? '' : ` to have ${a.samples} calls of a method in both versions`
      return `the analysis of ${position(a.step)}${lack}${because(a.reason)}`
    }
    case 'otherVersion':
      return a.burned === true
        ? `a change of ${terms.asker}: version "${a.version}" is burned, and never serves again`
        : `a change of ${terms.asker}, or retry: version "${a.version}" was given up`
    case 'drained':
      return a.inFlight === undefined
        ? `version "${a.version}" to say how much is in flight`
        : `version "${a.version}" to finish ${a.inFlight} request${a.inFlight === 1 ? '' : 's'} in flight`
    case 'released':
      return `the proxies to let go of version "${a.version}"`
  }
}

const NOT_READY = 'it is not ready'

/** A transition as one sentence. */
export function wordEvent(e: RolloutEvent, terms: RolloutTerms): string {
  const version = `version "${e.version}"`
  switch (e.kind) {
    case 'Adopted':
      return `nothing was remembered of this app; ${version} is taken as the active one`
    case 'RolloutStarted':
      return `${version} starts ${e.beside === undefined ? 'as the first one' : `beside the active version "${e.beside}"`}${
        e.returns === true ? '; it served within the rollback window, and gets all traffic without steps' : ''
      }${asked(e.note)}`
    case 'Superseded':
      return `${terms.asker} asks for version "${e.by}"; ${version} gives its traffic back`
    case 'RolledBack':
      return `${terms.asker} asks for version "${e.to}" again; ${version} gives its traffic back`
    case 'StepStarted':
      return `step ${e.index + 1}/${e.count}: ${version} gets ${e.weight} %${e.pause ? ', then waits for promote' : ''}`
    case 'Promoted':
      return `${version} is the active version${e.from === undefined ? '' : `; version "${e.from}" drains`}`
    case 'PreviewDegraded':
      return `${version} cannot serve: ${e.blame ?? NOT_READY}; ${
        e.activeServes ? `traffic goes back to "${e.active}"` : `"${e.active}" cannot either, so traffic stays where it is`
      }`
    case 'ActiveUnservable':
      return `${version} cannot serve: ${e.blame ?? NOT_READY}; version "${e.instead}" has its traffic`
    case 'RolloutFailed':
      return e.active === undefined
        ? `${version} failed: ${stalled(e.stall, terms)}; there is no version to go back to, so it is still waited for`
        : `${version} failed: ${stalled(e.stall, terms)}; version "${e.active}" has all traffic`
    case 'AnalysisFailed':
      return `${version} would have failed: ${wordBlame(e.blame)}; the analysis only reports`
    case 'RolloutHalted':
      return `${version} is halted: ${stalled(e.stall, terms)}`
    case 'RolloutResumed':
      return `the rollout of ${version} goes on${asked(e.note)}`
    case 'RolloutPaused':
      return `the rollout of ${version} is paused: its weights stay until resume or promote${asked(e.note)}`
    case 'StepPromoted':
      return `${version} is promoted ${e.full ? 'to 100 %, without the steps and holds that are left' : 'past the hold or pause of its step'}${asked(e.note)}`
    case 'RolloutAborted':
      return `${version} was given up: a user aborted it${asked(e.note)}; ${e.active === undefined ? 'no version serves' : `version "${e.active}" has all traffic`}`
    case 'VersionBurned': {
      const all = e.older === 0 ? 'is burned' : `is burned with ${e.older === 1 ? 'the older one' : `the ${e.older} older ones`}`
      const left =
        e.left === undefined
          ? 'no version is left that could serve'
          : `version "${e.left}" ${e.leftServes === true ? 'has all traffic' : 'gets all traffic when it can serve'}`
      return `${version} ${all}, and unreachable for good${asked(e.note)}; ${left}`
    }
    case 'BurnRefused':
      return `nothing is burned${asked(e.note)}: ${BURN_REFUSALS[e.why](e.version)}`
    case 'BurnedNotStarted':
      return `${version} is burned and does not start again${asked(e.note)}; have ${terms.asker} ask for another one`
    case 'DrainStarted':
      return `${version} gets no new requests and finishes those in flight`
    case 'DrainCut':
      return e.at === 'release'
        ? `${version} has ${e.inFlight ?? UNKNOWN} requests and open connections in flight, which are cut: its drain timeout of ${seconds(e.timeoutMs)} s (${terms.drainTimeout}) is over`
        : `${version} is removed with ${e.inFlight ?? UNKNOWN} requests in flight: ${Math.round(seconds(e.afterMs))} s after its last traffic its drain timeout is over`
    case 'VersionRetained':
      return `${version} is drained and stays warm until ${time(e.until)}`
    case 'VersionRemoved':
      return e.cut === undefined
        ? `${version} is drained and is removed`
        : `${version} is removed; ${e.cut === 'unknown' ? UNKNOWN : e.cut} requests and open connections were cut`
  }
}

/** Also for those who ask before they give the command. */
export const BURN_REFUSALS: Readonly<Record<BurnRefusal, (version: string) => string>> = {
  unknown: (version) => `version "${version}" is not known`,
  failed: (version) => `version "${version}", which would stay, has failed; name the newest version that is to be burned`,
  alone: (version) => `there is no version but "${version}"; to burn that, name it`,
}

const UNKNOWN = 'an unknown number of'

/** Which method is worse, and by how much. */
export function wordBlame(blame: AnalysisBlame): string {
  const { component, method, samples, active, preview } = blame
  const of = `component "${component}", method "${method}"`
  const calls = `${samples.preview} and ${samples.active} calls`
  if (blame.what === 'errors') return `${of}: ${percent(preview)} % of calls fail, in the active version ${percent(active)} % (${calls})`
  const quantile = blame.quantile === 0.5 ? 'the median latency' : `${percent(blame.quantile)} % of calls take up to`
  return `${of}: ${quantile} ${blame.quantile === 0.5 ? 'is ' : ''}${millis(preview)} ms, in the active version ${millis(active)} ms (${calls})`
}

function percent(share: number): number {
  return Number((share * 100).toPrecision(2))
}

function millis(inSeconds: number): number {
  return Number((inSeconds * 1_000).toPrecision(2))
}

function stalled(stall: Stall, terms: RolloutTerms): string {
  if (stall.missing === 'quality') return wordBlame(stall.analysis)
  if (stall.missing === 'samples') return `no method had ${stall.needed} calls in both versions while its step lasted`
  const { deadlineMs, missing, blame } = stall
  const within = `no progress within ${seconds(deadlineMs)} s (${terms.progressDeadline})`
  const why: Readonly<Record<typeof missing, string>> = {
    ready: blame ?? NOT_READY,
    weights: `the proxies do not have the weights that were asked for${because(blame)}`,
    steady: 'it was ready again and again, and got no further than before',
  }
  return `${within}: ${why[missing]}`
}

function position({ index, count, weight }: StepPosition): string {
  return `step ${index + 1}/${count} (${weight} %)`
}

function asked(note: string | undefined): string {
  return note === undefined ? '' : ` (${note})`
}

function because(blame: string | undefined): string {
  return blame === undefined ? '' : `: ${blame}`
}

function time(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`
}

function seconds(milliseconds: number): number {
  return milliseconds / 1000
}
