import { setFlagsFromString } from 'node:v8'

/**
 * How much bytecode a function runs before V8 compiles it anew, and better, on another thread; the default is an eighth. The compiler of TypeScript has many
 * functions that get warm in a run of two seconds, and few of them pay for it: a cold run takes a quarter less CPU (bench/README.md).
 */
const INTERRUPT_BUDGET = 500_000

/** The generator; the compiler itself is loaded when a source has changed. For commands that need it, and for them only. */
export async function loadCodegen(): Promise<typeof import('@weaver/codegen')> {
  // V8 of Node 20. Later ones count calls instead, have a cheaper tier between, and refuse the flag on stderr.
  if (process.versions.v8.startsWith('11.')) setFlagsFromString(`--interrupt-budget=${INTERRUPT_BUDGET}`)
  return import('@weaver/codegen')
}
