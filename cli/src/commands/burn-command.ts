/** The verb `burn`, as every deployer with the rollout engine has it. */
import { Command } from 'commander'
import { YES_FLAG, type ConfirmFlags } from './local/confirm.js'
import type { RolloutVerbFlags } from './rollout-verbs.js'

export interface BurnFlags extends RolloutVerbFlags, ConfirmFlags {
  readonly version?: string
}

/** @param name the argument, and what it means when it is left out */
export function makeBurnCommand(name: readonly [string, string]): Command {
  return new Command('burn')
    .description('make a version and all older ones unreachable, at once and for good')
    .argument(...name)
    .option(
      '--version <version>',
      'id of the newest version to burn, or its beginning (default: all are burned but the one that is asked for)',
    )
    .option('-m, --message <text>', 'why; status and history show it')
    .option(...YES_FLAG)
    .option('--json', 'print JSON')
}

/** `version b, with the older ones a and c`; oldest first. */
export function namedVersions(versions: readonly string[]): string {
  const newest = versions.at(-1) ?? ''
  const older = versions.slice(0, -1)
  const [last, ...rest] = older.toReversed()
  if (last === undefined) return `version ${newest}`
  const list = rest.length === 0 ? last : `${rest.toReversed().join(', ')} and ${last}`
  return `version ${newest}, with the older ${older.length === 1 ? 'one' : 'ones'} ${list}`
}
