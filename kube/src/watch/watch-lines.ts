/**
 * Largest event accepted; a Kubernetes object has at most 1.5 MB (etcd's limit), twice that with
 * its wrapping.
 */
const MAX_EVENT_BYTES = 4 * 1024 * 1024

/**
 * Splits a stream of bytes into lines. A chunk may end anywhere, even inside a character, so bytes
 * are joined before they are decoded.
 * @throws Error when a line grows beyond {@link MAX_EVENT_BYTES}.
 */
export async function* watchLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  let pending: Uint8Array[] = []
  let size = 0
  for await (const chunk of chunks) {
    let from = 0
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      const line = Buffer.concat([...pending, chunk.subarray(from, at)]).toString('utf8')
      pending = []
      size = 0
      from = at + 1
      if (line.trim() !== '') yield line
    }
    const rest = chunk.subarray(from)
    size += rest.length
    if (size > MAX_EVENT_BYTES) throw new Error(`a watch event is larger than ${MAX_EVENT_BYTES} bytes`)
    if (rest.length > 0) pending.push(rest)
  }
}
