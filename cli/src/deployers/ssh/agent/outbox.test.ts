import { Outbox } from './outbox.js'

const all = (outbox: Outbox<string>): readonly string[] => {
  const taken: string[] = []
  for (let next = outbox.take(); next !== undefined; next = outbox.take()) taken.push(`${next.seq}${next.message}`)
  return taken
}

it('gives each message once to a connection, and to the next one what was not acknowledged', () => {
  const outbox = new Outbox<string>()
  for (const message of ['a', 'b', 'c']) outbox.add(message)
  expect(all(outbox)).toEqual(['1a', '2b', '3c'])
  expect(all(outbox)).toEqual([])
  outbox.add('d')
  outbox.acknowledge(2)
  expect(all(outbox)).toEqual(['4d'])
  outbox.rewind()
  expect(all(outbox)).toEqual(['3c', '4d'])
  outbox.acknowledge(4)
  outbox.rewind()
  expect(all(outbox)).toEqual([])
})

it('drops, beyond its limit, the oldest that may be lost and no connection has taken, and counts them', () => {
  // What is in capitals may be lost.
  const outbox = new Outbox<string>({ limit: 8, sizeOf: (message) => (message === message.toUpperCase() ? message.length : 0) })
  outbox.add('AAAA')
  expect(all(outbox)).toEqual(['1AAAA'])
  for (const message of ['x', 'BB', 'CC', 'y', 'DDD']) outbox.add(message)
  expect(outbox.dropped).toBe(7) // down to three quarters of the limit, of which 4 are taken
  expect(all(outbox)).toEqual(['2x', '5y'])
  outbox.acknowledge(5)
  outbox.add('EE')
  outbox.rewind()
  expect(all(outbox)).toEqual(['7EE'])
})
