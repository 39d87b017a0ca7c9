/**
 * The line that called `above`, as `file:line`. Takes about a microsecond: it captures one frame,
 * not the whole stack.
 * @returns `undefined` if the engine provides none
 */
export function callSite(above: (...args: never[]) => unknown): string | undefined {
  const limit = Error.stackTraceLimit
  const holder: { stack?: string } = {}
  Error.stackTraceLimit = 1
  Error.captureStackTrace(holder, above)
  const { stack } = holder // read before the limit is restored: the stack is formatted when it is first read
  Error.stackTraceLimit = limit
  const [, place] = /\n\s+at (?:.*\()?([^()\n]+?)\)?$/.exec(stack ?? '') ?? []
  const [, file, line] = /^(?:file:\/\/)?(.+?):(\d+)(?::\d+)?$/.exec(place ?? '') ?? []
  return file === undefined || line === undefined ? undefined : `${file}:${line}`
}
