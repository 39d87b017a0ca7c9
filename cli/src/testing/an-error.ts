import type { Ran } from './run-weaver.js'

/**
 * The outcome of a user's mistake, for `toEqual`: nothing on stdout; on stderr all of these texts,
 * and no internals such as a stack trace.
 */
export function anError(code: number, ...says: readonly string[]): Ran {
  const all = says.map((text) => `(?=[\\s\\S]*${text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')})`).join('')
  const none = ['\\n\\s+at ', 'fault of weaver', 'undefined', '\\[object', '\\bNaN\\b'].map((text) => `(?![\\s\\S]*${text})`).join('')
  return { code, stdout: '', stderr: expect.stringMatching(new RegExp(`^${none}${all}`)) as unknown as string } // a matcher stands for the text
}
