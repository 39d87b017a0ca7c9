import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import type { CliContext } from '../context.js'

export function versionCommand(context: CliContext): Command {
  return new Command('version')
    .description('print the version of this command and of what it runs on')
    .option('--json', 'print JSON')
    .action(async (options: { readonly json?: true }) => {
      const version = await cliVersion()
      const facts = { version, node: process.version, platform: `${process.platform}/${process.arch}` }
      if (options.json === true) context.output.json(facts)
      else context.output.result(`weaver ${version} (node ${facts.node}, ${facts.platform})`)
    })
}

export async function cliVersion(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { readonly version: string }).version // our own package.json
}
