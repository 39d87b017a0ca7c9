import type { MethodBinding } from '../component/binding.js'
import { copyArgs, copyItems, copyResult } from './local-copy.js'

const binding: MethodBinding = {
  name: 'add',
  encodeArgs: (w, [item]) => w.string(item as string), // the test gives another thing on purpose
  decodeArgs: (r) => [r.string()],
  encodeResult: (w, result) => w.string(result as string), // the same
  decodeResult: (r) => r.string(),
}

it('says of which method a value cannot be sent, in the words of a call to another process', () => {
  expect(copyArgs('shop/Cart.add', binding, ['tea'])).toEqual(['tea'])
  expect(() => copyArgs('shop/Cart.add', binding, [7])).toThrow(/^shop\/Cart\.add was not sent: its arguments cannot be: /)
  expect(() => copyResult('shop/Cart.add', binding, 7)).toThrow(/^shop\/Cart\.add: what it returned cannot be sent: /)
})

it('says that a stream is none where it is read', () => {
  const copied = copyItems('the argument of shop/Cart.add', undefined, (item) => item)
  expect(() => copied[Symbol.asyncIterator]()).toThrow('the argument of shop/Cart.add: expected an AsyncIterable, got undefined')
})
