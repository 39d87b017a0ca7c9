/**
 * Eight bytes, viewed as a double, as a 64-bit integer, and one by one. It works like
 * `writeDoubleLE` without its checks; `writeBigInt64LE` computes with bigints and takes ten times
 * as long. The byte order is the machine's, as in typed arrays (union.ts).
 */
export const EIGHT_BYTES: Uint8Array<ArrayBuffer> = new Uint8Array(8)
export const AS_DOUBLE: Float64Array = new Float64Array(EIGHT_BYTES.buffer)
export const AS_INT64: BigInt64Array = new BigInt64Array(EIGHT_BYTES.buffer)
