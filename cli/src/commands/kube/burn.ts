import { BURN_REFUSALS, versionsToBurn, type RolloutState } from '@weaver/rollout'
import type { Command } from 'commander'
import type { CliContext } from '../../context.js'
import { knownVersions, versionNamed } from '../../deployers/kube/known-versions.js'
import { askOperator } from '../../deployers/kube/weaver-apps.js'
import { cliError } from '../../errors/catalogue.js'
import { makeBurnCommand, namedVersions, type BurnFlags } from '../burn-command.js'
import { confirm } from '../local/confirm.js'
import { asksOperator } from './verbs.js'

export function burnCommand(context: CliContext): Command {
  const command = makeBurnCommand(['<name>', 'name of the application'])
  return asksOperator<BurnFlags>(context, command, async ({ client, app, found, note, flags }) => {
    const { status = {} } = found
    const known = await knownVersions(client, found.metadata)
    const state = status.engine as RolloutState | undefined // written by the engine itself
    const desired = status.desired ?? ''
    const order = known.map(({ id }) => id).reverse()
    const named = flags.version === undefined ? undefined : versionNamed(flags.version, known).id
    const versions = versionsToBurn({ desired, known: order, state }, named)
    if (typeof versions === 'string')
      throw cliError('WEAVER_CLI_NO_VERSION', `nothing is burned: ${BURN_REFUSALS[versions](named ?? desired)}`)
    const version = versions.at(-1) ?? desired
    const isBurned = versions.every((id) => status.burned?.includes(id) === true)
    const left = [status.active, desired].find((id) => id !== undefined && id !== '' && !versions.includes(id))
    const after = left === undefined ? 'No version is left then, and nothing answers.' : `Version ${left} is left.`
    const what = namedVersions(versions)
    if (!isBurned)
      await confirm(context, `Burn ${what}, of "${app.namespace}/${app.name}"? None of them ever serves again. ${after}`, flags)
    await askOperator(client, app, { verb: 'burn', version, note })
    return {
      to: `burn ${what}`,
      json: { version, versions: [...versions] },
      ...(isBurned ? { warning: `all of that is burned already; the operator does nothing` } : {}),
    }
  })
}
