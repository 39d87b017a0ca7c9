import type { LogEntry } from '@weaver/sdk/contract'
import { cutEntry } from './cut-entry.js'

const entry = (more: Partial<LogEntry>): LogEntry => ({
  time: '2026-11-30T00:00:00.000Z',
  level: 'info',
  message: 'm',
  attributes: {},
  ...more,
})

it('leaves an entry of usual size as it is', () => {
  const usual = entry({ group: 'main', attributes: { a: 1, b: { c: ['x'] }, d: 'text' } })
  expect(cutEntry(usual)).toEqual({ entry: usual })
  expect(cutEntry(usual).entry).toBe(usual)
})

it.each<[string, Partial<LogEntry>]>([
  ['the message', { message: 'x'.repeat(100_000) }],
  ['one attribute', { attributes: { a: { deep: 'x'.repeat(100_000) } } }],
  [
    'many attributes, each within its own limit',
    { attributes: Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`a${i}`, 'x'.repeat(3_900)])) },
  ],
  ['more attributes than anybody reads', { attributes: Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`a${i}`, i])) }],
  ['a name', { attributes: { ['x'.repeat(100_000)]: 1 } }],
  ['what says where it comes from', { group: 'x'.repeat(100_000), traceId: 'y'.repeat(100_000) }],
])('cuts %s, and says so', (_what, more) => {
  const { entry: cut, isCut } = cutEntry(entry(more))
  expect(isCut).toBe(true)
  expect(JSON.stringify(cut).length).toBeLessThan(20_000)
})
