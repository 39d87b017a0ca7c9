import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import type { CliContext } from '../context.js'

export function versionCommand(context: CliContext): Command {
  return new Command('version')
    .description('print the version of this command and of what it runs on')
    .option('--json', 'print JSON')
    .action((options: { readonly json?: true }) => printVersion(context, options))
}

export function printVersion({ output }: CliContext, options: { readonly json?: true } = {}): void {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  const { version } = JSON.parse(text) as { readonly version: string } // our own package.json
  const facts = { version, node: process.version, platform: `${process.platform}/${process.arch}` }
  if (options.json === true) output.json(facts)
  else output.result(`weaver ${version} (node ${facts.node}, ${facts.platform})`)
}
