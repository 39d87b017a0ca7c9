import { readFileSync } from 'node:fs'
import { ENTRY_FIELDS } from './contract/logs.js'
import { DAMAGED_METRIC } from './rpc/wire/damaged-frames.js'
import { METHOD_LABELS, METHOD_METRICS } from './telemetry/call-stats.js'
import { DROPPED_METRIC } from './telemetry/log-shipper.js'
import { HTTP_METRICS } from './telemetry/observe-http.js'

const PAGE = readFileSync(new URL('../../docs/observability.md', import.meta.url), 'utf8')
const rows = PAGE.split('\n').filter((line) => line.startsWith('| `weaver_'))

describe('docs/observability.md', () => {
  it('names every metric of the runtime, and no other', () => {
    const shown = rows.map((line) => /`([a-z_]+)`/.exec(line)?.[1])
    const made = [...Object.values(METHOD_METRICS), ...Object.values(HTTP_METRICS), DROPPED_METRIC, DAMAGED_METRIC].map(({ name }) => name)
    expect(shown.sort()).toEqual(made.sort())
  })

  it('names the labels of method metrics, and every field of a log entry', () => {
    const labels = METHOD_LABELS.map((label) => `\`${label}\``).join(', ')
    expect(rows.filter((line) => line.includes('weaver_method_') && !line.includes(labels))).toEqual([])
    expect(ENTRY_FIELDS.filter((field) => !PAGE.includes(`\`${field}\``))).toEqual([])
  })
})
