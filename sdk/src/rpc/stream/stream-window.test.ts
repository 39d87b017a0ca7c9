import { itemCost, ReceiveWindow, SendWindow, STREAM_WINDOW } from './stream-window.js'

describe('itemCost', () => {
  it('is one for each item and one more for each whole KiB', () => {
    expect([0, 1, 1023, 1024, 10_240, 2 ** 20].map(itemCost)).toEqual([1, 1, 1, 2, 11, 1025])
  })
})

/**
 * Both ends of a stream that loses nothing; `between` is what lies between producer and consumer.
 */
function pair() {
  const sender = new SendWindow()
  const receiver = new ReceiveWindow()
  const between: number[] = []
  return {
    between,
    /** @returns false when the sender has to wait. */
    send(bytes: number): boolean {
      if (!sender.isOpen) return false
      const cost = itemCost(bytes)
      sender.spend(cost)
      if (!receiver.arrive(cost)) throw new Error('the receiver refuses what the sender was allowed to send')
      between.push(cost)
      return true
    },
    take(): void {
      const back = receiver.take(between.shift() ?? 0)
      if (back > 0) sender.grant(back)
    },
  }
}

describe('a window', () => {
  it('lets 256 small items run ahead, and no more until the consumer takes some', () => {
    const { between, send, take } = pair()
    while (send(10));
    expect(between).toHaveLength(256)
    for (let i = 0; i < 63; i++) take()
    expect(send(10)).toBe(false) // credit comes in portions
    take()
    expect(send(10)).toBe(true)
  })

  it('lets one item of any size through, and then waits until it is taken', () => {
    const { between, send, take } = pair()
    expect(send(10 * 2 ** 20)).toBe(true)
    expect(send(1)).toBe(false)
    take()
    expect(between).toEqual([])
    expect(send(1)).toBe(true)
  })

  it('never holds more than a window and one item, nor stands still, whatever the order of sending and taking', () => {
    let seed = 7
    const random = (below: number): number => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) % below
    for (let round = 0; round < 200; round++) {
      const { between, send, take } = pair()
      let most = 0
      for (let step = 0; step < 2_000; step++) {
        if (random(3) === 0 && between.length > 0) take()
        else send(random(4) === 0 ? random(200_000) : random(500))
        most = Math.max(most, between.reduce((sum, cost) => sum + cost, 0) - (between.at(-1) ?? 0))
      }
      expect(most).toBeGreaterThan(0)
      expect(most).toBeLessThan(STREAM_WINDOW)
      while (between.length > 0) take()
      expect(send(1)).toBe(true)
    }
  })

  it('refuses a sender that does not keep to it', () => {
    const receiver = new ReceiveWindow()
    for (let i = 0; i < STREAM_WINDOW; i++) expect(receiver.arrive(1)).toBe(true)
    expect(receiver.arrive(1)).toBe(false)
  })
})
