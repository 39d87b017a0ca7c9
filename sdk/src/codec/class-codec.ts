import { wrongType } from './codec-error.js'

/** How instances of a class cross a process border: as plain data. */
export interface ClassCodec<T, P> {
  isInstance(value: unknown): value is T
  /** @throws WeaverError `WEAVER_CODEC_INVALID`: not an instance of the class. */
  toPlain(value: T): P
  fromPlain(plain: P): T
}

/**
 * Lets instances of a class be arguments and results. Export what this returns as a top-level
 * const: the generated file imports it.
 *
 * ```ts
 * export const moneyCodec = codec<Money, { cents: bigint }>(Money, {
 *   toPlain: (money) => ({ cents: money.cents }),
 *   fromPlain: ({ cents }) => new Money(cents),
 * })
 * ```
 *
 * The class is not generic, and a subclass needs a codec of its own. A local call passes the object
 * itself, without its codec.
 * @typeParam P plain data that the generator can send.
 */
export function codec<T extends object, P>(
  of: abstract new (...args: never[]) => T,
  functions: { readonly toPlain: (value: T) => P; readonly fromPlain: (plain: P) => T },
): ClassCodec<T, P> {
  const isInstance = (value: unknown): value is T => value instanceof of
  return {
    isInstance,
    toPlain(value) {
      if (!isInstance(value)) throw wrongType(`an instance of ${of.name}`, value)
      return functions.toPlain(value)
    },
    fromPlain: (plain) => functions.fromPlain(plain),
  }
}
