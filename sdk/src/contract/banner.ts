/** The first output of a process that runs a whole application. */
export function banner(rows: readonly (readonly [label: string, value: string])[]): string {
  const width = Math.max(...rows.map(([label]) => label.length))
  const lines = rows.map(([label, value]) => ` ${label.padEnd(width)} : ${value} `)
  const inner = Math.max(...lines.map((line) => line.length))
  return [`╭${'─'.repeat(inner)}╮`, ...lines.map((line) => `│${line.padEnd(inner)}│`), `╰${'─'.repeat(inner)}╯`, ''].join('\n')
}
