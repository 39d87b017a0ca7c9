import { Argument, Command } from 'commander'
import { bashCompletion } from '../completion/bash.js'
import { completionNodes } from '../completion/completion-tree.js'
import { fishCompletion } from '../completion/fish.js'
import { zshCompletion } from '../completion/zsh.js'
import type { CliContext } from '../context.js'

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const

export function completionCommand(context: CliContext): Command {
  const command = new Command('completion')
    .description('print a script for tab completion: source <(weaver completion bash)')
    .addArgument(new Argument('<shell>', 'the shell that is to complete').choices(Object.keys(SHELLS)))
  return command.action((shell: keyof typeof SHELLS) => {
    const root = command.parent ?? command
    context.output.result(SHELLS[shell](completionNodes(root)))
  })
}
