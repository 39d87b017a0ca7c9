import { basename, dirname } from 'node:path'
import { GRAPH_FILE } from '@weaver/sdk/contract'
import { Command } from 'commander'
import type { CliContext } from '../context.js'
import { EXIT } from '../errors/catalogue.js'
import { callGraph } from '../graph/call-graph.js'
import { diffGraphs, formatDiff } from '../graph/diff-graphs.js'
import { graphPath, readGraph } from '../graph/read-graph.js'

export function callgraphCommand(context: CliContext): Command {
  return new Command('callgraph')
    .description('print the components of a package and who calls whom, as a Mermaid chart; runs none of its code')
    .argument('[path]', 'folder of the package, or a weaver.graph.json', '.')
    .option('--json', 'print the graph itself')
    .action(async (path: string, flags: { readonly json?: true }) => {
      const graph = readGraph(path, context.cwd)
      await warnIfStale(graphPath(path, context.cwd), context)
      if (flags.json === true) context.output.json(graph)
      else context.output.result(callGraph(graph))
    })
}

export function diffCommand(context: CliContext): Command {
  return new Command('diff')
    .description('say what changed between two builds, and what of it would have broken if their versions had been mixed')
    .argument('<old>', 'weaver.graph.json of the one build, or its folder')
    .argument('<new>', 'that of the other')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExit codes as of diff(1): 0 no changes, 1 changes, 2 something cannot be read.')
    .action((before: string, after: string, flags: { readonly json?: true }) => {
      const read = (path: string) => readGraph(path, context.cwd)
      const diff = diffGraphs(read(before), read(after))
      if (flags.json === true) context.output.json(diff)
      else context.output.result(formatDiff(diff))
      context.setExitCode(diff.changes.length === 0 ? EXIT.ok : EXIT.failed)
    })
}

/** Warns: a chart of outdated sources would be believed. */
async function warnIfStale(file: string, { cwd, output }: CliContext): Promise<void> {
  if (basename(file) !== GRAPH_FILE) return
  const { generatedState } = await import('../generate/check-generated.js')
  const state = await generatedState(dirname(file), cwd)
  if (state.kind === 'stale' || state.kind === 'refused') output.warn(`this is the graph of the last generation: ${state.message}`)
}
