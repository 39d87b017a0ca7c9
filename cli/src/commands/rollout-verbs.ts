/**
 * The verbs of a rollout, as every deployer with the rollout engine has them. What a deployer adds
 * is how it reaches the engine.
 */
import type { Verb } from '@weaver/rollout'
import { Command } from 'commander'

export interface RolloutVerb {
  readonly verb: Exclude<Verb, 'promoteFull' | 'burn'>
  readonly description: string
  /** As in "the operator was asked to …". */
  readonly asked: (version: string) => string
  /** It is about a version that was given up, and not about the rollout under way. */
  readonly isOfFailed?: true
}

export interface RolloutVerbFlags {
  readonly message?: string
  readonly json?: true
  readonly full?: true
}

export const ROLLOUT_VERBS: readonly RolloutVerb[] = [
  {
    verb: 'promote',
    description: 'go on now: ends the hold or pause of the present step, and a pause by `pause`',
    asked: (version) => `promote version ${version}`,
  },
  {
    verb: 'pause',
    description: 'keep the weights of the rollout under way as they are, until resume or promote',
    asked: (version) => `pause the rollout of version ${version}`,
  },
  {
    verb: 'resume',
    description: 'end a pause by `pause`; gives a rollout that is halted its deadline once more',
    asked: (version) => `resume the rollout of version ${version}`,
  },
  {
    verb: 'abort',
    description: 'give up the rollout under way: all traffic goes back to the active version',
    asked: (version) => `abort the rollout of version ${version}`,
  },
  {
    verb: 'retry',
    description: 'start the rollout of a version again that failed or was aborted',
    asked: (version) => `try version ${version} again`,
    isOfFailed: true,
  },
]

/** @param name the argument, and what it means when it is left out */
export function rolloutVerbCommand({ verb, description }: RolloutVerb, name: readonly [string, string]): Command {
  const command = new Command(verb)
    .description(description)
    .argument(...name)
    .option('-m, --message <text>', 'why; status and history show it')
    .option('--json', 'print JSON')
  if (verb === 'promote') command.option('--full', 'go to 100 % as soon as the version is ready, without the steps and holds that are left')
  return command
}

/** What the engine is asked to do. */
export function verbOf({ verb }: RolloutVerb, { full }: RolloutVerbFlags): Verb {
  return full === true ? 'promoteFull' : verb
}
