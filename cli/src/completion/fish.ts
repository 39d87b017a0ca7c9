import type { CompletionNode, CompletionOption, Value } from './completion-tree.js'

/** A script for fish 3 and later. */
export function fishCompletion(nodes: readonly CompletionNode[]): string {
  const lines = nodes.flatMap((node) => {
    const here = `complete -c weaver -n ${quote(`__weaver_at ${node.path}`)}`
    return [
      ...node.commands.map(({ name, description }) => `${here} -f -a ${quote(name)} -d ${quote(description)}`),
      ...(node.commands.length > 0 ? [] : [`${here} ${valueOf(node.argument)}`]),
      ...node.options.map((option) => `${here} ${namesOf(option)} -d ${quote(option.description)}`),
    ]
  })
  return `# Tab completion of weaver for fish: weaver completion fish | source
function __weaver_at
  set -l at weaver
  for word in (commandline -opc)[2..]
    switch "$at $word"
      case ${nodes
        .slice(1)
        .map((node) => quote(node.path))
        .join(' ')}
        set at "$at $word"
    end
  end
  test "$at" = "$argv"
end
${lines.join('\n')}`
}

function namesOf({ long, short, value }: CompletionOption): string {
  return [
    `-l ${long.slice(2)}`,
    ...(short === undefined ? [] : [`-s ${short.slice(1)}`]),
    ...(value === undefined ? [] : ['-r', valueOf(value)]),
  ].join(' ')
}

function valueOf(value: Value): string {
  switch (value.kind) {
    case 'choice':
      return `-f -a ${quote(value.of.join(' '))}`
    case 'file':
      return value.extension === undefined ? '-F' : `-f -a ${quote(`(__fish_complete_suffix .${value.extension})`)}`
    case 'folder':
      return `-f -a ${quote('(__fish_complete_directories)')}`
    case 'free':
      return '-f'
  }
}

function quote(text: string): string {
  return `'${text.replaceAll(/['\\]/g, '\\$&')}'`
}
