/**
 * Verbs: what a user may ask of a rollout. A verb is a member of `Verb` and a line of `VERBS`; the
 * engine and its input know no verb by name.
 *
 * A command stays given until its giver takes it back, which may be many calls later. It is carried
 * out once: the state remembers verb and note until the verb was seen absent.
 */
import { startRollout } from './beginning.js'
import { beginWindow, emit, type Draft } from './draft.js'
import { giveUp } from './outcome.js'
import type { RolloutCommand, Verb } from './types.js'

/** Who and why, as it is spread into events. */
type Note = Pick<RolloutCommand, 'note'>
type CarryOut = (draft: Draft, note: Note) => void

/**
 * In order of precedence: of several commands that are new in one call, the first is carried out
 * and the others are dropped.
 */
const VERBS: Readonly<Record<Verb, CarryOut>> = {
  abort: ofPreview((draft, version, note) => giveUp(draft, (active) => ({ kind: 'RolloutAborted', version, ...active, ...note }))),
  pause: ofPreview(pause),
  promoteFull: ofPreview(promoteFull),
  promote: ofPreview(promote),
  resume: ofPreview(resume),
  retry,
}

/** Carries out the first new command, and remembers all that are given. */
export function obey(draft: Draft): void {
  const { state, input } = draft
  const given = verbs().flatMap((verb) => input.commands.find((c) => c.verb === verb) ?? [])
  const command = given.find((c) => !isSeen(state.commandsSeen?.[c.verb], c))
  if (command !== undefined) VERBS[command.verb](draft, command.note === undefined ? {} : { note: command.note })
  delete state.commandsSeen
  if (given.length > 0) state.commandsSeen = Object.fromEntries(given.map((c) => [c.verb, c.note ?? '']))
}

function isSeen(seen: string | true | undefined, { note = '' }: RolloutCommand): boolean {
  return seen === true || seen === note
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
  state.failed = state.failed.filter((id) => id !== input.desired)
  startRollout(draft, note)
}
