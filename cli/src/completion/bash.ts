import type { CompletionNode, Value } from './completion-tree.js'

/** A script for bash 3.2 and later. */
export function bashCompletion(nodes: readonly CompletionNode[]): string {
  const leaves = nodes.filter((node) => node.commands.length === 0)
  const values = leaves.flatMap((node) =>
    node.options.flatMap(({ long, short, value }) =>
      value === undefined
        ? []
        : [
            `    ${[long, short]
              .filter((name) => name !== undefined)
              .map((name) => quote(`${node.path} ${name}`))
              .join(' | ')}) ${propose(value)}; return ;;`,
          ],
    ),
  )
  const places = nodes.map((node) => {
    const names = node.options.flatMap(({ long, short }) => [long, ...(short === undefined ? [] : [short])])
    const otherwise =
      node.commands.length > 0 ? propose({ kind: 'choice', of: node.commands.map(({ name }) => name) }) : propose(node.argument)
    return `    ${quote(node.path)}) if [[ $cur == -* ]]; then ${propose({ kind: 'choice', of: names })}; else ${otherwise}; fi ;;`
  })
  return `# Tab completion of weaver for bash: source <(weaver completion bash)
_weaver_choose() { COMPREPLY=($(compgen -W "$1" -- "$cur")); }
# names of files that end like $1, and of folders
_weaver_files() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -f -X "!*$1" -- "$cur") $(compgen -d -- "$cur"))
  compopt -o filenames 2>/dev/null
}
_weaver_folders() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -d -- "$cur"))
  compopt -o filenames 2>/dev/null
}
_weaver() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} at=weaver i
  # bash takes --flag=value apart into three words
  if [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then prev=\${COMP_WORDS[COMP_CWORD - 2]}; fi
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at \${COMP_WORDS[i]}" in
      ${nodes
        .slice(1)
        .map((node) => quote(node.path))
        .join(' | ')}) at="$at \${COMP_WORDS[i]}" ;;
    esac
  done
  case "$at $prev" in
${values.join('\n')}
  esac
  case "$at" in
${places.join('\n')}
  esac
}
complete -F _weaver weaver`
}

function propose(value: Value): string {
  switch (value.kind) {
    case 'choice':
      return `_weaver_choose ${quote(value.of.join(' '))}`
    case 'file':
      return `_weaver_files ${quote(value.extension === undefined ? '' : `.${value.extension}`)}`
    case 'folder':
      return '_weaver_folders'
    case 'free':
      return ':'
  }
}

/** For a POSIX shell. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
