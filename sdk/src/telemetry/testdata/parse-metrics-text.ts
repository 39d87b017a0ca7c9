/**
 * A strict reader of both text formats, for tests: what it does not know is an error. Written from
 * the specifications, not from the writer.
 */
export interface ParsedFamily {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly samples: ParsedSample[]
}
export interface ParsedSample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
  readonly exemplar?: { readonly labels: Readonly<Record<string, string>>; readonly value: number; readonly at: number }
}

const SUFFIXES: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  prometheus: { counter: [''], gauge: [''], histogram: ['_bucket', '_sum', '_count'] },
  openmetrics: { counter: ['_total'], gauge: [''], histogram: ['_bucket', '_sum', '_count'] },
}
const LABELS = String.raw`\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"(?:,(?=[a-zA-Z_]))?)*)\}`
const NUMBER = String.raw`[+-]?Inf|NaN|[+-]?[0-9.]+(?:e[+-]?[0-9]+)?`
const SAMPLE = new RegExp(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:${LABELS})? (${NUMBER})(?: # ${LABELS} (${NUMBER}) ([0-9.]+))?$`)

/** @throws Error with the line that is against the format. */
export function parseMetricsText(text: string, format: 'prometheus' | 'openmetrics'): ParsedFamily[] {
  if (!text.endsWith('\n')) throw new Error('the text must end with a line end')
  const lines = text.slice(0, -1).split('\n')
  if (format === 'openmetrics' && lines.pop() !== '# EOF') throw new Error('OpenMetrics ends with "# EOF"')
  const families: ParsedFamily[] = []
  const seen = new Set<string>()
  let help: { readonly name: string; readonly text: string } | undefined
  for (const line of lines) {
    const helped = /^# HELP (\S+) (.*)$/.exec(line)
    const typed = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line)
    if (helped !== null) {
      help = { name: helped[1] as string, text: unescape(helped[2] as string) } // both groups are in the pattern
      continue
    }
    if (typed !== null) {
      const [, name, type] = typed as unknown as [string, string, string] // both groups are in the pattern
      if (families.some((family) => family.name === name)) throw new Error(`${name} is announced twice`)
      if (help?.name !== name) throw new Error(`${name} has no HELP before its TYPE`)
      families.push({ name, type, help: help.text, samples: [] })
      continue
    }
    const found = SAMPLE.exec(line)
    const family = families.at(-1)
    if (found === null || family === undefined) throw new Error(`not of the format: ${line}`)
    const [, name = '', labels, value = '', exemplarLabels, exemplarValue, at] = found
    if (!SUFFIXES[format]?.[family.type]?.some((suffix) => name === family.name + suffix)) throw new Error(`${name} stands below ${family.name}`)
    if (exemplarLabels !== undefined && (format !== 'openmetrics' || !name.endsWith('_bucket'))) throw new Error(`an exemplar has no place in: ${line}`)
    const sample = { name, labels: labelsOf(labels), value: numberOf(value) }
    const key = `${name}${JSON.stringify(Object.entries(sample.labels).sort())}`
    if (seen.has(key)) throw new Error(`twice: ${line}`)
    seen.add(key)
    family.samples.push(
      exemplarLabels === undefined
        ? sample
        : { ...sample, exemplar: { labels: labelsOf(exemplarLabels), value: numberOf(exemplarValue ?? ''), at: numberOf(at ?? '') } },
    )
  }
  return families
}

function labelsOf(text: string | undefined): Record<string, string> {
  const labels: Record<string, string> = {}
  for (const [, name = '', value = ''] of (text ?? '').matchAll(/([a-zA-Z0-9_]+)="((?:[^"\\]|\\.)*)"/g)) {
    if (name in labels) throw new Error(`label ${name} stands twice`)
    labels[name] = unescape(value)
  }
  return labels
}

function numberOf(text: string): number {
  const value = text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text)
  if (Number.isNaN(value)) throw new Error(`"${text}" is no number`)
  return value
}

function unescape(text: string): string {
  return text.replace(/\\(.)/g, (_all, c: string) => (c === 'n' ? '\n' : c))
}
