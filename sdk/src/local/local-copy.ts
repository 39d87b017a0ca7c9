/**
 * Copies values as if they had been sent to another process and back, for local calls that must not
 * share them.
 */
import type { MethodBinding } from '../component/binding.js'
import { codecError } from '../codec/codec-error.js'
import { whyArgumentsRefused, whyRefused } from '../codec/find-refused.js'
import { Reader } from '../codec/reader.js'
import { Writer } from '../codec/writer.js'
import { openItems } from '../rpc/stream/open-items.js'

/**
 * Copies arguments. A streaming argument remains the caller's own, and its items are copied.
 * @param what component and method, for messages
 * @throws WeaverError `WEAVER_CODEC_INVALID`
 */
export function copyArgs(what: string, binding: MethodBinding, args: readonly unknown[]): readonly unknown[] {
  const w = new Writer()
  try {
    binding.encodeArgs(w, args)
  } catch (cause) {
    const why = whyArgumentsRefused((again, seen) => binding.encodeArgs(again, seen), args, cause)
    throw codecError(`${what} was not sent: its arguments cannot be: ${why}`, cause) // worded as for a call to another process
  }
  const copy = binding.decodeArgs(new Reader(w.finish()))
  const { input } = binding
  if (input !== undefined)
    copy[input.position] = copyItems(`the argument of ${what}`, args[input.position], (item) => {
      try {
        input.encodeItem(w, item)
      } catch (cause) {
        w.reset()
        const why = whyRefused((again, value) => input.encodeItem(again, value), item, cause)
        throw codecError(`the argument of ${what}: an item cannot be sent: ${why}`, cause) // worded as for a call to another process
      }
      return input.decodeItem(new Reader(w.finish()))
    })
  return copy
}

/**
 * Copies a result, or one item of a stream.
 * @param what as for `copyArgs`
 * @throws WeaverError `WEAVER_CODEC_INVALID`
 */
export function copyResult(what: string, binding: MethodBinding, result: unknown): unknown {
  const w = new Writer()
  try {
    binding.encodeResult(w, result)
  } catch (cause) {
    const part = binding.isStream === true ? 'an item' : 'what it returned'
    const why = whyRefused((again, value) => binding.encodeResult(again, value), result, cause)
    throw codecError(`${what}: ${part} cannot be sent: ${why}`, cause) // worded as for a call to another process
  }
  return binding.decodeResult(new Reader(w.finish()))
}

/** @param what the owner of the items, for messages */
export function copyItems(what: string, items: unknown, copy: (item: unknown) => unknown): AsyncIterable<unknown> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = openItems(what, items)
      return {
        async next() {
          const next = await iterator.next()
          return next.done === true ? next : { done: false, value: copy(next.value) }
        },
        return: async (value?: unknown) => (await iterator.return?.(value)) ?? { done: true, value },
      }
    },
  }
}
