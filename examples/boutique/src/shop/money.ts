/**
 * Money as whole units and billionths of a unit: never a floating-point number, which cannot hold
 * 0.1. Not negative: a shop takes money.
 */
export interface Money {
  /** Three letters, as in ISO 4217: `EUR`. */
  currency: string
  units: number
  /** 0 to 999,999,999. */
  nanos: number
}

const NANOS = 1_000_000_000n

export function money(currency: string, cents: number): Money {
  return fromNanos(currency, BigInt(cents) * 10_000_000n)
}

export function add(a: Money, b: Money): Money {
  if (a.currency !== b.currency) throw new Error(`cannot add ${b.currency} to ${a.currency}; convert one of them first`)
  return fromNanos(a.currency, toNanos(a) + toNanos(b))
}

export function times(price: Money, count: number): Money {
  return fromNanos(price.currency, toNanos(price) * BigInt(count))
}

export function toNanos({ units, nanos }: Money): bigint {
  return BigInt(units) * NANOS + BigInt(nanos)
}

export function fromNanos(currency: string, nanos: bigint): Money {
  return { currency, units: Number(nanos / NANOS), nanos: Number(nanos % NANOS) }
}

/**
 * To the smallest amount that can be paid in its currency, halves up. Amounts that are shown are
 * rounded first, so that a bill adds up.
 */
export function rounded({ currency, ...amount }: Money): Money {
  const smallest = 10n ** BigInt(9 - minorDigits(currency))
  return fromNanos(currency, ((toNanos({ currency, ...amount }) + smallest / 2n) / smallest) * smallest)
}

/** As people write it: `€12.50`. */
export function format(price: Money): string {
  const digits = minorDigits(price.currency)
  const symbol = inCurrency(price.currency).formatToParts(0)[0]?.value ?? ''
  const whole = price.units.toLocaleString('en-US')
  return digits === 0 ? symbol + whole : `${symbol}${whole}.${String(price.nanos).padStart(9, '0').slice(0, digits)}`
}

function minorDigits(currency: string): number {
  return inCurrency(currency).resolvedOptions().maximumFractionDigits ?? 2
}

const formats = new Map<string, Intl.NumberFormat>()

/** Making one takes much longer than using it. */
function inCurrency(currency: string): Intl.NumberFormat {
  let found = formats.get(currency)
  if (found === undefined) formats.set(currency, (found = new Intl.NumberFormat('en-US', { style: 'currency', currency })))
  return found
}
