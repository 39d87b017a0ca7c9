/** Columns of text: the first to the left, the others to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd()
  return `${[head, ...rows].map(line).join('\n')}\n`
}

export interface Goal {
  readonly what: string
  readonly goal: string
  readonly reached: string
  readonly isReached: boolean
}

/** The goals of a benchmark beside what was measured. */
export function goalTable(goals: readonly Goal[]): string {
  return table(
    ['goal', 'wanted', 'measured', ''],
    goals.map(({ what, goal, reached, isReached }) => [what, goal, reached, isReached ? 'reached' : 'missed']),
  )
}
