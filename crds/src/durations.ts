const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const

/** A duration as users write it: `500ms`, `30s`, `5m`, `1h30m`, `1.5h`. */
const DURATION_PATTERN = /^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$/

/** Milliseconds, rounded; `undefined` when the text is not a duration. `0s` is one. */
export function parseDuration(text: string): number | undefined {
  if (!DURATION_PATTERN.test(text)) return undefined
  let total = 0
  for (const [, amount, unit] of text.matchAll(/([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)/g)) {
    total += Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS] // the pattern lets only these through
  }
  return Math.round(total)
}

/** The shortest exact text: `90000` → `1m30s`, `0` → `0s`. Negative counts as 0. */
export function formatDuration(milliseconds: number): string {
  let rest = Math.max(0, Math.round(milliseconds))
  let text = ''
  for (const unit of ['h', 'm', 's', 'ms'] as const) {
    const amount = Math.floor(rest / UNIT_MS[unit])
    rest -= amount * UNIT_MS[unit]
    if (amount > 0) text += `${amount}${unit}`
  }
  return text === '' ? '0s' : text
}
