import { quote } from './bash.js'
import type { CompletionNode, CompletionOption, Value } from './completion-tree.js'

/** A script for zsh; it works sourced, and as the file `_weaver` in a folder of `fpath`. */
export function zshCompletion(nodes: readonly CompletionNode[]): string {
  const places = nodes.map((node) => {
    const proposals =
      node.commands.length > 0
        ? `commands=(${node.commands.map(({ name, description }) => quote(`${name}:${description}`)).join(' ')}); _describe command commands`
        : `_arguments ${[...node.options.flatMap(specOf), quote(`*:${actionOf(node.argument)}`)].join(' ')}`
    return `    ${quote(node.path)}) ${proposals} ;;`
  })
  return `#compdef weaver
# Tab completion of weaver for zsh: source <(weaver completion zsh), after compinit
_weaver() {
  local at=weaver
  local -a commands
  while (( CURRENT > 2 )); do
    case "$at \${words[2]}" in
      ${nodes
        .slice(1)
        .map((node) => quote(node.path))
        .join(' | ')}) at="$at \${words[2]}"; shift words; (( CURRENT-- )) ;;
      *) break ;;
    esac
  done
  case "$at" in
${places.join('\n')}
  esac
}
if [[ "\${funcstack[1]}" == _weaver ]]; then _weaver "$@"; else compdef _weaver weaver; fi`
}

function specOf({ long, short, description, value }: CompletionOption): readonly string[] {
  const explained = `[${description.replaceAll(/[[\]\\]/g, '\\$&')}]${value === undefined ? '' : `:${actionOf(value)}`}`
  // each spelling excludes the other; a repeatable option is proposed only once, a small loss
  return short === undefined ? [quote(`${long}${explained}`)] : [long, short].map((name) => quote(`(${long} ${short})${name}${explained}`))
}

/** Message and action of an \`_arguments\` specification. */
function actionOf(value: Value): string {
  switch (value.kind) {
    case 'choice':
      return `choice:(${value.of.join(' ')})`
    case 'file':
      return `file:_files${value.extension === undefined ? '' : ` -g "*.${value.extension}"`}`
    case 'folder':
      return 'folder:_files -/'
    case 'free':
      return 'value: '
  }
}
