import type { MethodBinding } from '../component/binding.js'
import { copyArgs, copyResult } from './local-copy.js'

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
