import { jsonLine, type LogEntry } from '@weaver/sdk/contract'
import { captureLines } from './log-capture.js'

const ENTRY: LogEntry = {
  time: '2026-11-24T04:05:06.123Z',
  level: 'info',
  message: 'item added',
  replica: 'web-0',
  component: 'shop/Cart',
  source: '/app/dist/cart.js:12',
  attributes: { sku: 'green tea', count: 2 },
}

describe('what a child process writes', () => {
  it('becomes entries: its own lines as they are, others as stdout or stderr, however they are cut', () => {
    const entries: LogEntry[] = []
    const of = { app: 'shop', replica: 'web-0' }
    const capture = captureLines({ stream: 'stderr', of, onEntry: (entry) => void entries.push(entry), now: () => new Date(0) })
    const bytes = Buffer.from(`plain ä line\r\n${jsonLine({ ...ENTRY, replica: 'own' })}\n{"half":\nlast`)
    for (const byte of bytes) capture.write(Uint8Array.of(byte))
    expect(entries).toHaveLength(3)
    capture.end()
    const raw = { time: '1970-01-01T00:00:00.000Z', level: 'stderr', ...of, attributes: {} }
    expect(entries).toEqual([
      { ...raw, message: 'plain ä line' },
      { ...ENTRY, app: 'shop', replica: 'own' },
      { ...raw, message: '{"half":' },
      { ...raw, message: 'last' },
    ])
  })

  it('is cut where a line has no end', () => {
    const entries: LogEntry[] = []
    const capture = captureLines({ stream: 'stdout', of: {}, onEntry: (entry) => void entries.push(entry) })
    for (let i = 0; i < 20; i++) capture.write(Buffer.alloc(10_000, 'x'))
    expect(entries.map(({ message }) => message.length)).toEqual([65_536, 65_536, 65_536])
  })
})
