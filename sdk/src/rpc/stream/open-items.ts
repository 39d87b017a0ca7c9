import { codecError } from '../../codec/codec-error.js'

/**
 * Starts to read a stream that a method takes or returns: a cast may break the promise of its type.
 * Calls within the process and calls to another one report it with the same words.
 * @param what the method, or its argument, for messages
 * @throws WeaverError `WEAVER_CODEC_INVALID` if it is not a stream; what the stream itself throws
 */
export function openItems(what: string, items: unknown): AsyncIterator<unknown> {
  const open = (items as Partial<AsyncIterable<unknown>> | null | undefined)?.[Symbol.asyncIterator] // checked in the next line
  if (typeof open === 'function') return open.call(items)
  throw codecError(`${what}: expected an AsyncIterable, got ${items === null ? 'null' : typeof items}`)
}
