import { WeaverError } from '../contract/errors.js'

/** Bytes that end too early or a value that cannot be written. A codec never guesses. */
export function codecError(message: string, cause?: unknown): WeaverError {
  return new WeaverError('WEAVER_CODEC_INVALID', message, { cause })
}
