import { historyText, type SimEvent } from './world/history.js'
import { mermaid } from './mermaid.js'

const HISTORY: readonly SimEvent[] = [
  { atMs: 1, kind: 'start', from: 'op 1', text: 'put("a;b")' },
  { atMs: 2, kind: 'request', from: 'op 1', to: 'shop/Cart', text: 'put("a;b")' },
  { atMs: 13, kind: 'lost', from: 'shop/Cart', to: 'op 1', text: 'the answer to put("a;b") is lost' },
  { atMs: 14, kind: 'crash', from: 'shop/Cart', text: 'crashes' },
]

it('draws an arrow for each message and a note for all else, with texts that Mermaid can read', () => {
  expect(mermaid(HISTORY)).toBe(`sequenceDiagram
    participant p0 as op 1
    participant p1 as shop/Cart
    Note over p0: put("a#59;b")
    p0->>p1: put("a#59;b")
    p1-xp0: the answer to put("a#59;b") is lost
    Note over p1: crashes
`)
})

it('is a line for each event as text', () => {
  expect(historyText(HISTORY).split('\n')).toEqual([
    '     1 ms  op 1              put("a;b")',
    '     2 ms  op 1 → shop/Cart  put("a;b")',
    '    13 ms  shop/Cart → op 1  the answer to put("a;b") is lost',
    '    14 ms  shop/Cart         crashes',
  ])
})
