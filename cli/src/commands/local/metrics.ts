import { Command } from 'commander'
import type { MetricFamily, MetricSeries } from '@weaver/sdk/contract'
import type { CliContext } from '../../context.js'
import type { LocalDeployer } from '../../deployers/local/local-deployer.js'
import { cliError } from '../../errors/catalogue.js'
import { formatTable } from '../../print/table.js'
import { needRunning } from './running.js'

export function metricsCommand(context: CliContext, deployer: LocalDeployer): Command {
  return new Command('metrics')
    .description('print what a running application counts at this moment')
    .argument('[name]', 'name of the application (default: the one that runs)')
    .option('--match <regex>', 'metrics only whose name matches')
    .option('--json', 'print JSON')
    .action(async (name: string | undefined, flags: { readonly match?: string; readonly json?: true }) => {
      const match = pattern(flags.match ?? '')
      const replies = await Promise.all(
        needRunning(context, deployer, name).map((running) => deployer.ask(running, { request: { kind: 'metrics' }, expect: 'metrics' })),
      )
      const all = replies.flat().map(({ replica, versionId, families }) => ({
        replica,
        versionId,
        families: families.filter((family) => match.test(family.name) && family.series.length > 0),
      }))
      if (flags.json === true) return context.output.json(all)
      const rows = all.flatMap(({ replica, families }) =>
        families.flatMap((family) =>
          family.series.map((series) => [replica, family.name, labelsOf(family, series), valueOf(family, series)]),
        ),
      )
      const isOne = all.length === 1
      const shown = [['REPLICA', 'METRIC', 'LABELS', 'VALUE'], ...rows].map((row) => (isOne ? row.slice(1) : row))
      for (const line of formatTable(shown)) context.output.result(line)
    })
}

function pattern(text: string): RegExp {
  try {
    return new RegExp(text)
  } catch (cause) {
    throw cliError('WEAVER_CLI_USAGE', `--match "${text}" is not a regular expression: ${(cause as Error).message}`, { cause }) // a SyntaxError
  }
}

function labelsOf({ labels }: MetricFamily, series: MetricSeries): string {
  return labels.length === 0 ? '-' : labels.map((label, i) => `${label}=${series.labels[i] ?? ''}`).join(',')
}

/** For a histogram, its count and mean. */
function valueOf({ kind }: MetricFamily, { value, buckets = [] }: MetricSeries): string {
  if (kind !== 'histogram') return value === null ? 'no finite number' : String(value)
  const count = buckets.reduce((a, b) => a + b, 0)
  return count === 0 || value === null ? `${count}` : `${count}, mean ${Number((value / count).toPrecision(4))}`
}
