/** One execution as data: everything that determines its course. */
import { Arbitrary, sample, Stream, Value, type Random as ValueSource } from 'fast-check'
import type { SimParameters } from './parameters.js'
import { Random, seedOf } from './world/random.js'
import type { Operation } from './workload.js'

/** A drawn argument, with what its generator needs to shrink it, unless it was read from a file. */
export interface Argument {
  readonly value: unknown
  readonly drawn?: Value<unknown>
}

export interface PlannedOp {
  /** Number within the execution, from 1; it stays when other operations are removed. */
  readonly id: number
  readonly op: string
  readonly args: readonly Argument[]
}

export interface SimCase {
  readonly parameters: SimParameters
  readonly ops: readonly PlannedOp[]
  /** Seed of `Math.random` and the like in the application. */
  readonly chanceSeed: number
  /** Names of steps (steps.ts). Absent: drawn from `scheduleSeed`. */
  readonly schedule?: readonly string[]
  readonly scheduleSeed: number
}

/** How strongly fast-check's generators favour their limits, in every other execution. */
const BIAS = 4

export function drawCase(
  ops: readonly (readonly [string, Operation])[],
  of: { readonly seed: number; readonly parameters: SimParameters; readonly index: number },
): SimCase {
  const { seed, parameters, index } = of
  const values = valueSource(seedOf(seed, 1))
  const random = new Random(seedOf(seed, 2))
  const weights = ops.reduce((sum, [, { weight }]) => sum + weight, 0)
  const draw = (): readonly [string, Operation] => {
    let left = random.next() * weights
    for (const entry of ops) if ((left -= entry[1].weight) < 0) return entry
    return ops[ops.length - 1] as readonly [string, Operation] // there is one
  }
  const planned = Array.from({ length: parameters.numOps }, (_, at): PlannedOp => {
    const [op, { args }] = draw()
    const bias = index % 2 === 0 ? undefined : BIAS
    return {
      id: at + 1,
      op,
      args: args.map((arg) => {
        const drawn = arg.generate(values, bias)
        return { value: drawn.value, drawn }
      }),
    }
  })
  return { parameters, ops: planned, chanceSeed: seedOf(seed, 3), scheduleSeed: seedOf(seed, 4) }
}

/** Values smaller than this one, smallest first, from its own generator. */
export function smallerValues(arg: Argument, generator: Arbitrary<unknown>): Iterable<Argument> {
  const { drawn } = arg
  const smaller = drawn === undefined ? Stream.nil<Value<unknown>>() : generator.shrink(drawn.value_, drawn.context)
  return smaller.map((value) => ({ value: value.value, drawn: value }))
}

/** The source that fast-check's generators draw from, created by fast-check from a seed. */
function valueSource(seed: number): ValueSource {
  return sample(new SourceOfValues(), { seed, numRuns: 1 })[0] as ValueSource // one run yields one value
}

/** An arbitrary whose value is the source itself. */
class SourceOfValues extends Arbitrary<ValueSource> {
  override generate(source: ValueSource): Value<ValueSource> {
    return new Value(source, undefined)
  }

  override canShrinkWithoutContext(value: unknown): value is ValueSource {
    return value === undefined
  }

  override shrink(): Stream<Value<ValueSource>> {
    return Stream.nil()
  }
}
