/**
 * Verbs: what a user may ask of a rollout. A verb is a member of `Verb` and a line of `VERBS`; the
 * engine and its input know no verb by name.
 *
 * A command stays given until its giver takes it back, which may be many calls later. It is carried
 * out once: the state remembers verb and note until the verb was seen absent.
 */
import { startRollout } from './beginning.js'
import { burn } from './burning.js'
import { beginWindow, emit, isBurned, type Draft } from './draft.js'
import { giveUp } from './outcome.js'
import type { RolloutCommand, Verb } from './types.js'

/** Who and why, as it is spread into events. */
type Note = Pick<RolloutCommand, 'note'>
type CarryOut = (draft: Draft, note: Note, command: RolloutCommand) => void

/**
 * In order of precedence: of several commands that are new in one call, those of the first verb are
 * carried out and the others are dropped.
 */
const VERBS: Readonly<Record<Verb, CarryOut>> = {
  burn: (draft, _note, command) => burn(draft, command),
  abort: ofPreview((draft, version, note) => giveUp(draft, (active) => ({ kind: 'RolloutAborted', version, ...active, ...note }))),
  pause: ofPreview(pause),
  promoteFull: ofPreview(promoteFull),
  promote: ofPreview(promote),
  resume: ofPreview(resume),
  retry,
}

/** Carries out what is new of the first verb, and remembers all that is given. */
export function obey(draft: Draft): void {
  const { state, input } = draft
  const given = verbs().flatMap((verb) => input.commands.filter((c) => c.verb === verb))
  const fresh = given.filter((c) => !isSeen(state.commandsSeen?.[c.verb], c))
  for (const command of fresh.filter((c) => c.verb === fresh[0]?.verb))
    VERBS[command.verb](draft, command.note === undefined ? {} : { note: command.note }, command)
  delete state.commandsSeen
  const seen: { [V in Verb]?: string } = {}
  for (const c of given) seen[c.verb] = seen[c.verb] === undefined ? wordsOf(c) : `${seen[c.verb]}\n${wordsOf(c)}`
  if (given.length > 0) state.commandsSeen = seen
}

function isSeen(seen: string | true | undefined, command: RolloutCommand): boolean {
  return seen === true || seen?.split('\n').includes(wordsOf(command)) === true
}

/** What tells a command from another one of the same verb. */
function wordsOf({ version, note = '' }: RolloutCommand): string {
  return version === undefined ? note : `${version} ${note}`
}

/** Every verb, in order of precedence. */
export function verbs(): readonly Verb[] {
  return Object.keys(VERBS) as Verb[] // the keys of a record whose type lists them all
}

/** A verb that means nothing without a rollout under way. */
function ofPreview(carryOut: (draft: Draft, preview: string, note: Note) => void): CarryOut {
  return (draft, note) => {
    if (draft.state.preview !== undefined) carryOut(draft, draft.state.preview, note)
  }
}

function pause(draft: Draft, version: string, note: Note): void {
  const { state } = draft
  if (state.pausedByUser !== undefined || state.active === undefined) return // a first version has nothing to be paused
  state.pausedByUser = note
  delete state.promotedFully
  emit(draft, { kind: 'RolloutPaused', version, ...note })
}

function resume(draft: Draft, version: string, note: Note): void {
  const { state } = draft
  if (state.pausedByUser === undefined && state.halted === undefined) return
  delete state.pausedByUser
  if (state.halted !== undefined) {
    delete state.halted
    delete state.waitedMs
    delete state.condemned
    state.progressAt = draft.now
    beginWindow(draft)
  }
  emit(draft, { kind: 'RolloutResumed', version, ...note })
}

/** A halted rollout has stalled, and its step with it: it goes on to wait for what it lacks. */
function promote(draft: Draft, version: string, note: Note): void {
  const { state } = draft
  const wasHalted = state.halted !== undefined
  resume(draft, version, note)
  if (wasHalted || state.step < 0) return
  state.promotedStep = state.step
  emit(draft, { kind: 'StepPromoted', version, full: false, ...note })
}

function promoteFull(draft: Draft, version: string, note: Note): void {
  resume(draft, version, note)
  draft.state.promotedFully = true
  emit(draft, { kind: 'StepPromoted', version, full: true, ...note })
}

function retry(draft: Draft, note: Note): void {
  const { state, input } = draft
  if (!state.failed.includes(input.desired)) return
  if (isBurned(draft, input.desired)) return emit(draft, { kind: 'BurnedNotStarted', version: input.desired, ...note })
  state.failed = state.failed.filter((id) => id !== input.desired)
  startRollout(draft, note)
}
