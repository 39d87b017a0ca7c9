import { readFileSync } from 'node:fs'
import type { LogEntry } from '@weaver/sdk/contract'
import { selectEntries } from '../select-entries.js'
import { isSystem } from '../system-entries.js'
import { LOG_FIELDS } from './log-fields.js'
import { parseLogQuery } from './log-query.js'

const ENTRY: LogEntry = {
  time: '2026-11-24T04:05:06.123Z',
  level: 'error',
  message: 'item added to the cart',
  app: 'shop',
  version: '0123abcd',
  deploymentId: 'shop-0123abcd',
  group: 'web',
  replica: 'shop-web-7d4f-x2x9z',
  component: 'shop/checkout/Cart',
  source: '/app/dist/cart.js:12',
  traceId: 'ab'.repeat(16),
  spanId: 'cd'.repeat(8),
  attributes: { sku: 'tea', count: 2, err: { message: 'no', stack: 'Error: no' } },
}

describe('a query over log entries', () => {
  it.each([
    'app == "shop"',
    'version == "0123abcd" && full_version == "shop-0123abcd"',
    'component == "Cart" && full_component == "shop/checkout/Cart"',
    'node == "x2x9z" && full_node == replica && replica.startsWith("shop-web-")',
    'group == "web"',
    'level != "info"',
    'level in ["error", "warn"]',
    'time >= timestamp("2026-11-24T04:05:06.123Z") && time < timestamp("2026-11-24T04:05:06.124Z")',
    'time > timestamp("2026-11-24T05:00:00Z") - duration("1h")',
    'source.endsWith("cart.js:12")',
    'msg.contains("added") || msg.contains("removed")',
    'msg.matches("^item \\\\w+")',
    'trace_id.size() == 32 && span_id != ""',
    '"sku" in attrs && attrs["sku"] == "tea"',
    'attrs.sku == "tea" && attrs["count"] == "2"',
    'attrs["err"].contains("no")',
    'attrs["none"] == "x" || attrs["sku"] == "tea"',
    'attrs["sku"] == "tea" || attrs["none"] == "x"',
    '!("none" in attrs)',
    '!(app == "other") && (level == "info" || true)',
    '',
    '  ',
  ])('%s is true', (query) => {
    expect(parseLogQuery(query)(ENTRY)).toBe(true)
  })

  it.each([
    'app == "sho"',
    'component == "shop/checkout/Cart"',
    'level < "debug"',
    'time < timestamp("2026-11-24T04:05:06Z")',
    'msg.matches("^added")',
    'attrs["none"] == "x"',
    'attrs["none"] != "x"',
    'attrs["none"] == "x" && app == "shop"',
  ])('%s is false', (query) => {
    expect(parseLogQuery(query)(ENTRY)).toBe(false)
  })

  it('sees what an entry lacks as empty texts', () => {
    const bare: LogEntry = { time: ENTRY.time, level: 'stdout', message: 'x', attributes: {} }
    expect(parseLogQuery('app == "" && component == "" && full_node == "" && trace_id == "" && attrs.size() == 0')(bare)).toBe(true)
  })

  it.each([
    ['lvel == "error"', 'Unknown variable: lvel', 'did you mean level?'],
    ['aps.contains("x")', 'Unknown variable: aps', 'did you mean app?'],
    ['zzzzzz == 1', 'Unknown variable: zzzzzz', 'fields: app, version,'],
    ['app == 3', 'string == int'],
    ['msg.contians("x")', 'contians', 'did you mean contains?'],
    ['time > "2026"', 'compare time with timestamp('],
    ['time > timestamp("soon")', 'timestamp'],
    ['app == "a" || time > timestamp("soon")', 'timestamp'],
    ['msg.matches("(")', 'Invalid regular expression'],
    ['app = "x"', 'equal is =='],
    ['app == "shop" &&', 'something is missing at the end'],
    ['app == "shop', 'the query is wrong'],
    ['app', 'is a string, and must be true or false'],
    ['1 + 1', 'must be true or false'],
    ['attrs["a"] == 1', 'string == int', 'as numbers by double('],
    ['3.5 < attrs["a"]', 'double < string', 'compare with a text in quotes'],
    ['attrs["a"] in [1, 2]', 'texts'],
  ])('%s is refused: %s', (query, ...says) => {
    let message = ''
    let code: unknown
    try {
      parseLogQuery(query)
    } catch (error) {
      ;({ message, code } = error as { message: string; code: unknown })
    }
    expect(code).toBe('WEAVER_CLI_LOG_QUERY')
    for (const text of says) expect(message).toContain(text)
  })

  it('shows the place', () => {
    expect(() => parseLogQuery('app == "shop" && lvel == "error"')).toThrow(/\n> {4}1 \| app == "shop" && lvel == "error"\n {9}\s{17}\^\n/)
  })
})

describe('what is shown of logs', () => {
  it('goes on after an entry over which the query fails, and says at the end how many there were', () => {
    const counts = ['2', 'many', '4', 'few'].map((count): LogEntry => ({ ...ENTRY, attributes: { count } }))
    const { isShown, problem } = selectEntries({ query: 'int(attrs["count"]) > 3' })
    expect(problem()).toBeUndefined()
    expect(counts.filter(isShown)).toEqual([counts[2]])
    expect(problem()).toMatch(/^the query failed over 2 entries, which are left out; over the first: /)
  })

  const system: LogEntry = { time: ENTRY.time, level: 'info', message: 'started', app: 'shop', attributes: {} }

  it('is not what the runtime says, unless it is grave, or asked for', () => {
    const lines: LogEntry[] = [ENTRY, system, { ...system, level: 'debug' }, { ...system, level: 'warn' }, { ...system, level: 'stdout' }]
    expect(lines.map(isSystem)).toEqual([false, true, true, false, false])
    expect(lines.filter(selectEntries({}).isShown)).toEqual([lines[0], lines[3], lines[4]])
    expect(lines.filter(selectEntries({ system: true }).isShown)).toEqual(lines)
    expect(lines.filter(selectEntries({ system: true, query: 'msg == "started" && level == "info"' }).isShown)).toEqual([system])
    expect(lines.filter(selectEntries({ query: 'msg == "started" && level == "info"' }).isShown)).toEqual([])
  })
})

it('docs/observability.md names every field of a query', () => {
  const page = readFileSync(new URL('../../../../docs/observability.md', import.meta.url), 'utf8')
  const rows = [...page.matchAll(/^\| `([a-z_]+)` +\| (?:text|time|map) /gm)].map(([, name]) => name)
  expect(rows).toEqual(Object.keys(LOG_FIELDS))
})
