import type { Readable } from 'node:stream'

/**
 * Reads JSON lines. What the end of the stream cuts off is dropped: a connection that breaks may
 * break anywhere. (`node:readline` gives it out as a line, and splits at U+2028, which JSON has.)
 * @param onFrame of a stream that the other end has written with JSON.stringify, so it is not checked further
 * @param onBroken gets the first line that is not a JSON object; nothing that follows it is read
 */
export function readFrames<F extends object>(stream: Readable, onFrame: (frame: F) => void, onBroken: (line: string) => void): void {
  let rest = ''
  const onText = (text: string): void => {
    const lines = text.split('\n')
    const last = lines.pop() ?? ''
    for (const line of lines) {
      const whole = rest + line
      rest = ''
      const frame = parse(whole)
      if (frame === undefined) {
        stream.off('data', onText).resume()
        return onBroken(whole)
      }
      onFrame(frame as F) // what the other end has written
    }
    rest += last
  }
  stream.setEncoding('utf8').on('data', onText)
}

function parse(line: string): object | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}
