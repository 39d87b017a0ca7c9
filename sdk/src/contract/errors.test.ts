import { runInNewContext } from 'node:vm'
import { reasonOf } from './errors.js'

describe('the reason of what was thrown', () => {
  it.each<[string, unknown, string]>([
    ['an error', new Error('no'), 'no'],
    ['an error of another realm', runInNewContext('new TypeError("theirs")'), 'theirs'],
    ['a text', 'told so', 'told so'],
    ['a number', 7, '7'],
    ['nothing', undefined, 'undefined'],
    ['a symbol', Symbol('s'), 'Symbol(s)'],
    ['an object that says nothing', { toString: () => 'a trap' }, 'unknown'],
    ['an object whose getter throws', Object.defineProperty({}, 'message', { get: () => JSON.parse('{') as unknown }), 'unknown'],
  ])('is known of %s', (_what, thrown, reason) => {
    expect(reasonOf(thrown)).toBe(reason)
  })
})
