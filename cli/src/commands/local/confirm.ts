import type { CliContext } from '../../context.js'
import { cliError } from '../../errors/catalogue.js'

/**
 * The flag of every command that asks first: one that ends what serves, or deletes what has been
 * kept. The verbs of a rollout, `rollback` among them, do not ask: traffic moves to a version that
 * serves, and another verb takes that back. `burn` asks, as nothing does that.
 */
export const YES_FLAG = ['-y, --yes', 'do not ask'] as const

export interface ConfirmFlags {
  readonly yes?: true
}

/**
 * @throws WeaverError `WEAVER_CLI_DECLINED`: the answer was no, or there is no terminal to ask on
 */
export async function confirm(context: CliContext, question: string, flags: ConfirmFlags): Promise<void> {
  if (flags.yes === true) return
  if (context.ask === undefined) throw cliError('WEAVER_CLI_DECLINED', `${question} There is no terminal to ask on; give --yes`)
  if (!(await context.ask(question))) throw cliError('WEAVER_CLI_DECLINED', 'nothing was done')
}
