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

  it('that are not replies are refused with what to do', () => {
    const part = (more: object): string => JSON.stringify({ kind: 'part', id: 'a', index: 0, count: 1, data: '', ...more })
    for (const text of ['?', 'null', part({ data: 1 }), part({ data: 'bm8gZ3ppcA==' })])
      expect(() => controlReplyReader()(Buffer.from(text))).toThrow(expect.objectContaining({ code: 'WEAVER_CONTROL_INVALID' }))
  })

  it('that are larger than the reader takes are refused, packed or not, whole or in parts', () => {
    const tooLarge = expect.objectContaining({ message: expect.stringMatching(/more than 10000 bytes/) })
    const read = (messages: readonly Uint8Array[]): void => {
      const reader = controlReplyReader(10_000)
      for (const message of messages) reader(message)
    }
    const whole = splitControlReply(large, 'a', 10_000_000)
    const zeros = splitControlReply({ kind: 'error', code: '0'.repeat(100_000), message: '' }, 'a', 1_000)
    const parts = splitControlReply(large, 'a', 1_000)
    expect([whole.length, zeros.length, parts.length > 21]).toEqual([1, 1, true])
    for (const messages of [whole, zeros, parts]) expect(() => read(messages)).toThrow(tooLarge)
    const far = Buffer.from(JSON.stringify({ kind: 'part', id: 'a', index: 4_000_000_000, count: 1, data: 'eJw=' }))
    expect(() => read([far])).toThrow(expect.objectContaining({ code: 'WEAVER_CONTROL_INVALID' }))
  })
})
