import { controlReplyReader } from '@weaver/deployer'
import { splitControlReply } from './control-parts.js'
import type { ControlReply } from './control.js'

const large: ControlReply = {
  kind: 'metrics',
  replica: 'r-0',
  group: 'g',
  versionId: 'v1',
  families: Array.from({ length: 3_000 }, (_, i) => ({
    name: `m${Math.sin(i)}`,
    kind: 'gauge',
    help: 'ä',
    labels: [],
    series: [{ labels: [], value: i }],
  })),
}

describe('replies on the control channel', () => {
  it('go as they are where they fit', () => {
    const messages = splitControlReply({ kind: 'ok' }, 'a', 1_000)
    expect(messages.map((message) => Buffer.from(message).toString())).toEqual(['{"kind":"ok"}'])
    expect(controlReplyReader()(messages[0] as Uint8Array)).toEqual({ kind: 'ok' })
  })

  it('go in parts, none above the limit, and come together in any order and beside those of another weavelet', () => {
    const limit = 1_000
    const messages = [...splitControlReply(large, 'a', limit), ...splitControlReply({ ...large, replica: 'r-1' }, 'b', limit)]
    expect(messages.length).toBeGreaterThan(20)
    expect(Math.max(...messages.map(({ length }) => length))).toBeLessThanOrEqual(limit)
    const read = controlReplyReader()
    const replies = [...messages].reverse().flatMap((message) => read(message) ?? [])
    expect(replies).toEqual([{ ...large, replica: 'r-1' }, large])
  })

  it('that are no JSON are refused with what to do', () => {
    expect(() => controlReplyReader()(Buffer.from('?'))).toThrow(expect.objectContaining({ code: 'WEAVER_CONTROL_INVALID' }))
  })
})
