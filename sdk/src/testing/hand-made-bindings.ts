/**
 * The output of `weaver generate`, written by hand. It has type imports only, so that test
 * programs, which are plain JavaScript and run the built SDK, import it as it is: Node strips the
 * types. It is not part of the build.
 */
import type { Writer } from '../codec/writer.js'
import type { ComponentBinding, MethodBinding, WeaverGen } from '../component/binding.js'

export const DEPLOYMENT = 'shop-1'
export const BUILD: string = 'aa'.repeat(32)
export const COMPONENT = 'shop/Cart'

/** `append` must not run twice. */
export const METHODS: readonly MethodBinding[] = ['echo', 'join', 'nothing', 'slow', 'append', 'work'].map((name) => ({
  name,
  encodeArgs: (w, args) => {
    w.length(args.length)
    for (const arg of args) w.string(arg as string) // a test that passes another type expects a rejection
  },
  decodeArgs: (r) => Array.from({ length: r.length() }, () => r.string()),
  encodeResult: (w, result) => (name === 'nothing' ? undefined : w.string(result as string)),
  decodeResult: (r) => (name === 'nothing' ? undefined : r.string()),
}))

const number = (w: Writer, item: unknown): void => {
  if (typeof item !== 'number') throw new TypeError(`expected a number, got ${typeof item}`)
  w.number(item)
}
const oneNumber: Pick<MethodBinding, 'encodeArgs' | 'decodeArgs'> = {
  encodeArgs: (w, [first]) => number(w, first),
  decodeArgs: (r) => [r.number()],
}
const numbers: Pick<MethodBinding, 'encodeArgs' | 'decodeArgs' | 'input'> = {
  encodeArgs: () => undefined,
  decodeArgs: () => [undefined],
  input: { position: 0, encodeItem: number, decodeItem: (r) => r.number() },
}
const givesNumber: Pick<MethodBinding, 'encodeResult' | 'decodeResult'> = { encodeResult: number, decodeResult: (r) => r.number() }

/** The output of `weaver generate` for `Feed`. */
export const FEED: readonly MethodBinding[] = [
  { name: 'count', ...oneNumber, ...givesNumber, isStream: true },
  { name: 'sum', ...numbers, ...givesNumber },
  { name: 'double', ...numbers, ...givesNumber, isStream: true },
  {
    name: 'texts',
    ...oneNumber,
    encodeResult: (w, text) => w.string(text as string), // tests of rejected values pass something else
    decodeResult: (r) => r.string(),
    isStream: true,
  },
  {
    name: 'cut',
    encodeArgs: (w, [text]) => w.string(text as string), // the stub is typed
    decodeArgs: (r) => [r.string()],
    encodeResult: (w, piece) => w.string(piece as string), // the method is typed
    decodeResult: (r) => r.string(),
    isStream: true,
  },
  {
    name: 'add',
    encodeArgs: (w, [text]) => w.string(text as string), // the stub is typed
    decodeArgs: (r) => [r.string(), undefined],
    input: { position: 1, encodeItem: number, decodeItem: (r) => r.number() },
    ...givesNumber,
  },
]

export const FEED_COMPONENT = 'news/Feed'

export function genByHand(
  components: readonly ComponentBinding[],
  main: { readonly refs?: readonly string[]; readonly listeners?: readonly string[] } = {},
): WeaverGen {
  return {
    format: 5,
    fingerprint: 'ab'.repeat(32),
    main: { refs: main.refs ?? [], listeners: main.listeners ?? [] },
    components: () => components,
  }
}
