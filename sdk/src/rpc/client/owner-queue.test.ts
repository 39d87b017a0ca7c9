import { Cancellation } from '../../context/cancellation.js'
import { OwnerQueue, turn } from './owner-queue.js'
import { RemoteCallError } from '../../errors/remote-call-error.js'

const later = { what: 'shop/Cache.get', deadline: Date.now() + 60_000, cancellation: undefined }
const ticks = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('calls behind a large one', () => {
  it('are sent in the order in which they were made, those that come while it ends included', async () => {
    const queue = new OwnerQueue()
    const large = queue.take('c-0')
    const order: number[] = []
    const wait = async (n: number): Promise<void> => {
      const place = queue.take('c-0')
      await turn(place.before, later)
      order.push(n)
      place.end()
    }
    const waiting = [wait(1), wait(2)]
    large.end()
    expect(queue.isBusy('c-0')).toBe(true)
    await Promise.all([...waiting, wait(3)])
    expect(order).toEqual([1, 2, 3])
    await ticks()
    expect(queue.isBusy('c-0')).toBe(false)
  })

  it('end at their own deadline and signal, and hold nobody up by it, nor let anybody pass', async () => {
    const queue = new OwnerQueue()
    const large = queue.take('c-0')
    const [late, left, patient] = [queue.take('c-0'), queue.take('c-0'), queue.take('c-0')]
    const cancellation = new Cancellation()
    let isTurn = false
    const turns = [
      turn(late.before, { ...later, deadline: Date.now() + 10 }),
      turn(left.before, { ...later, cancellation }),
      turn(patient.before, later).then(() => (isTurn = true)),
    ]
    cancellation.abort(new DOMException('enough', 'AbortError'))
    const [first, second] = await Promise.allSettled(turns.slice(0, 2))
    for (const place of [late, left]) place.end()
    await ticks()
    expect([first, second].map((one) => one?.status === 'rejected' && (one.reason as RemoteCallError).code)).toEqual(['WEAVER_RPC_DEADLINE', 'WEAVER_RPC_CANCELLED']) // prettier-ignore
    expect(isTurn).toBe(false)
    large.end()
    await Promise.all(turns.slice(2))
    expect(isTurn).toBe(true)
  })
})
