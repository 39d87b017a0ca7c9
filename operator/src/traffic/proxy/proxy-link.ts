/** Reading and programming one running proxy: its commands and answers as one step. */
import { operatorError } from '../../errors/catalogue.js'
import { MAPS, previewMap } from './haproxy-config.js'
import { refusalOf, type HaproxyAdmin } from './haproxy-admin.js'
import { parseCounter, parseMap, parseStat } from './haproxy-replies.js'
import { SPLIT_TABLE } from './version-choice.js'
import type { ProxyCommand, ProxyView } from './proxy-commands.js'

/** The state of one proxy for these listeners. */
export async function readProxy(admin: HaproxyAdmin, name: string, listeners: readonly string[]): Promise<ProxyView> {
  const [info = '', plan = '', slots = '', versions = '', gate = '', stat = '', split = '', ...previews] = await admin.run([
    'show info',
    `show map ${MAPS.plan}`,
    `show map ${MAPS.slots}`,
    `show map ${MAPS.versions}`,
    `show map ${MAPS.gate}`,
    'show stat',
    `show table ${SPLIT_TABLE}`,
    ...listeners.map((l) => `show map ${previewMap(l)}`),
  ])
  const maps = { plan: parseMap(plan), slots: parseMap(slots), gate: parseMap(gate) }
  if (maps.plan === undefined || maps.slots === undefined || maps.gate === undefined || !stat.startsWith('# pxname'))
    throw operatorError(
      'WEAVER_PROXY_ADMIN',
      `proxy "${name}": it does not show the maps of a Weaver proxy; was its configuration replaced? It answered: ${(maps.plan === undefined ? plan : stat).slice(0, 200)}`,
    )
  const ofVersions = parseMap(versions)
  return {
    process: `${field(info, 'Pid')}@${field(info, 'Start_time_sec')}`,
    isConfirmed: maps.gate.get('confirmed') === '1',
    plans: maps.plan,
    slots: maps.slots,
    ...(ofVersions === undefined ? {} : { versions: ofVersions }),
    lostPins: parseCounter(split, 'gpc1'),
    previews: new Map(
      listeners.flatMap((l, i) => {
        const entries = parseMap(previews[i] ?? '')
        return entries === undefined ? [] : [[l, entries] as const]
      }),
    ),
    backends: parseStat(stat),
  }
}

function field(info: string, name: string): string {
  return new RegExp(`^${name}: (\\d+)$`, 'm').exec(info)?.[1] ?? ''
}

/**
 * Sends commands; a refusal that means more than "later" throws, after the whole batch was carried
 * out.
 * @throws WeaverError `WEAVER_PROXY_ADMIN` naming the first refused command.
 */
export async function sendCommands(admin: HaproxyAdmin, name: string, commands: readonly ProxyCommand[]): Promise<void> {
  if (commands.length === 0) return
  const answers = await admin.run(commands.map((c) => c.text))
  const refusals = commands.flatMap((c, i) => (c.mayBeRefused === true ? [] : (refusalOf(c.text, answers[i] ?? '') ?? [])))
  if (refusals.length > 0)
    throw operatorError(
      'WEAVER_PROXY_ADMIN',
      `proxy "${name}": ${refusals[0] ?? ''}${refusals.length > 1 ? ` (and ${refusals.length - 1} more)` : ''}`,
    )
}
