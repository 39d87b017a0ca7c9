import { jest } from '@jest/globals'
import { ReplySlots } from './reply-slots.js'

afterEach(() => jest.useRealTimers())

describe('reply subjects', () => {
  it('are used again as soon as the answer is there', () => {
    const slots = new ReplySlots<string>('inbox.r.')
    const first = slots.take('a')
    const other = slots.take('b')
    expect(slots.subject(first)).not.toBe(slots.subject(other))
    expect(slots.user(slots.subject(first))).toBe('a')
    slots.release(first, true)
    expect(slots.user(slots.subject(first))).toBeUndefined()
    expect(slots.take('c')).toBe(first)
    expect(slots.user(slots.subject(first))).toBe('c')
  })

  it('rest when the call ended without an answer: the word of the broker may still come', () => {
    jest.useFakeTimers()
    const slots = new ReplySlots<string>('inbox.r.')
    const first = slots.take('a')
    slots.release(first, false)
    expect(slots.take('b')).not.toBe(first)
    jest.advanceTimersByTime(6_000)
    expect(slots.take('c')).toBe(first)
    expect(slots.take('d')).not.toBe(first)
  })

  it('that nobody has, and that are none, have no user', () => {
    const slots = new ReplySlots<string>('inbox.r.')
    expect([slots.user('inbox.r.zz'), slots.user('inbox.r.'), slots.user('inbox.r.?')]).toEqual([undefined, undefined, undefined])
  })
})
