import { codecError } from '../../codec/codec-error.js'

/**
 * Begins to read a stream that a method takes or returns: what the type promises is not what a cast
 * delivers. A call within the process and one to another process say so in the same words.
 * @param what the method, or its argument, for the message
 * @throws WeaverError `WEAVER_CODEC_INVALID` when it is no stream; what the stream itself throws
 */
export function openItems(what: string, items: unknown): AsyncIterator<unknown> {
  const open = (items as Partial<AsyncIterable<unknown>> | null | undefined)?.[Symbol.asyncIterator] // looked at in the next line
  if (typeof open === 'function') return open.call(items)
  throw codecError(`${what}: expected an AsyncIterable, got ${items === null ? 'null' : typeof items}`)
}
