import type { Writer } from '../codec/writer.js'
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

it('says where in a value that lies: in an argument, a result, and an item of a stream', async () => {
  type Line = { readonly names: readonly string[] }
  const write = (w: Writer, { names }: Line): void => {
    w.list(names)
    for (const name of names) w.string(name)
  }
  const lines: MethodBinding = {
    ...binding,
    encodeArgs: (w, [line]) => write(w, line as Line), // wrong ones on purpose
    encodeResult: (w, line) => write(w, line as Line), // the same
    input: { position: 1, encodeItem: (w, line) => write(w, line as Line), decodeItem: (r) => r.string() },
  }
  expect(() => copyArgs('shop/Cart.add', lines, [{ names: ['a', 7] }])).toThrow(
    'shop/Cart.add was not sent: its arguments cannot be: argument 1 at names[1]: expected a string, got a number',
  )
  expect(() => copyResult('shop/Cart.add', lines, { names: 'ab' })).toThrow(
    'shop/Cart.add: what it returned cannot be sent: at names: expected an array, got a string',
  )
  const [, copied] = copyArgs('shop/Cart.add', { ...lines, encodeArgs: () => undefined, decodeArgs: () => [undefined, undefined] }, [
    undefined,
    (async function* () {
      yield { names: undefined }
    })(),
  ]) as [undefined, AsyncIterable<unknown>] // as the binding has it
  await expect(copied[Symbol.asyncIterator]().next()).rejects.toThrow(
    'the argument of shop/Cart.add: an item cannot be sent: at names: expected an array, got undefined',
  )
})

it('says that a stream is none where it is read', () => {
  const copied = copyItems('the argument of shop/Cart.add', undefined, (item) => item)
  expect(() => copied[Symbol.asyncIterator]()).toThrow('the argument of shop/Cart.add: expected an AsyncIterable, got undefined')
})
