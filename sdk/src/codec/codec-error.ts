import { WeaverError } from '../contract/errors.js'
import { showType, showValue } from './show-value.js'

/**
 * The rejected value, for {@link refusedValue} only. The error does not carry it, as it may be
 * large, or a secret.
 */
const REFUSED = new WeakMap<object, { readonly value: unknown }>()

/** Bytes that end too early, or a value that cannot be written. A codec never guesses. */
export function codecError(message: string, cause?: unknown): WeaverError {
  return new WeaverError('WEAVER_CODEC_INVALID', message, { cause })
}

/** `expected a string, got a number`. */
export function wrongType(expected: string, value: unknown): WeaverError {
  return remembered(codecError(`expected ${expected}, got ${showType(value)}`), value)
}

/** `"x" is not "a" or "b"`: the value, and what is wrong with it. */
export function wrongValue(value: unknown, what: string, shown: string = showValue(value)): WeaverError {
  return remembered(codecError(`${shown} ${what}`), value)
}

/** The error for a value that does not fit an unsigned integer of so many bits. */
export function notAnInteger(value: number, bits: number): Error {
  return codecError(`${value} is not an integer from 0 to 2^${bits} - 1`)
}

/**
 * The error for a value that is not of a primitive type.
 * @param values the first one of another type is named
 */
export function notPrimitive(type: 'string' | 'number' | 'boolean' | 'bigint', ...values: readonly unknown[]): Error {
  return wrongType(
    `a ${type}`,
    values.find((value) => typeof value !== type),
  )
}

/** The value that an error of `wrongType` or `wrongValue` is about. */
export function refusedValue(error: unknown): { readonly value: unknown } | undefined {
  return typeof error === 'object' && error !== null ? REFUSED.get(error) : undefined
}

function remembered(error: WeaverError, value: unknown): WeaverError {
  REFUSED.set(error, { value })
  return error
}
