/**
 * Verbs: what a user may ask of a rollout. A verb is a member of `RolloutCommand` and a line of `VERBS`;
 * the engine, its input and its memory know no verb by name.
 *
 * A command stays given until its giver takes it back, which may be many calls later. It is carried
 * out once: the state remembers it until it was seen absent.
 */
import { emit, type Draft } from './draft.js'
import { giveUp } from './outcome.js'
import type { RolloutCommand, Verb } from './types.js'

/** What a verb does to a rollout under way, `preview` being its version. */
type CarryOut<C extends RolloutCommand> = (draft: Draft, preview: string, command: C) => void

/** In order of precedence: of several commands that are new in one call, the first is carried out and the others are dropped. */
const VERBS: { readonly [V in Verb]: CarryOut<Extract<RolloutCommand, { verb: V }>> } = {
  abort: (draft, preview) => giveUp(draft, (active) => ({ kind: 'RolloutAborted', version: preview, ...active })),
  promote,
}

/** Carries out the first new command, and remembers all that are given. */
export function obey(draft: Draft): void {
  const { state, input } = draft
  const given = verbs().flatMap((verb) => input.commands.find((c) => c.verb === verb) ?? [])
  const command = given.find((c) => state.commandsSeen?.[c.verb] === undefined)
  if (command !== undefined && state.preview !== undefined) carryOut(draft, state.preview, command)
  delete state.commandsSeen
  if (given.length > 0) state.commandsSeen = Object.fromEntries(given.map((c) => [c.verb, true]))
}

/** Every verb, in order of precedence. */
export function verbs(): readonly Verb[] {
  return Object.keys(VERBS) as Verb[] // the keys of a record whose type lists them all
}

function carryOut<C extends RolloutCommand>(draft: Draft, preview: string, command: C): void {
  const rule = VERBS[command.verb] as CarryOut<C> // the table's own type pairs verb and command
  rule(draft, preview, command)
}

function promote(draft: Draft, preview: string): void {
  const { state } = draft
  if (state.halted === undefined) {
    if (state.step >= 0) state.promotedStep = state.step
    return
  }
  delete state.halted
  delete state.waitedMs
  state.progressAt = draft.now
  emit(draft, { kind: 'RolloutResumed', version: preview })
}
