/**
 * Kubernetes quantities: `100m`, `0.5`, `128Mi`, `1e9`. Negative ones are excluded: no resource is
 * below zero.
 */
export const QUANTITY = /^([0-9]+(\.[0-9]*)?|\.[0-9]+)((n|u|m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi|E|Ei)|[eE][-+]?[0-9]{1,2})?$/

const FACTORS: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  ...Object.fromEntries(['k', 'M', 'G', 'T', 'P', 'E'].map((suffix, i) => [suffix, 1000 ** (i + 1)])),
  ...Object.fromEntries(['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'].map((suffix, i) => [suffix, 1024 ** (i + 1)])),
}

/** A quantity as a number, precise enough to compare two; `undefined`: it is not a quantity. */
export function parseQuantity(quantity: string | number): number | undefined {
  if (typeof quantity === 'number') return quantity
  if (!QUANTITY.test(quantity)) return undefined
  const suffix = /[A-Za-z]+$/.exec(quantity)?.[0] ?? ''
  const factor = FACTORS[suffix]
  return factor === undefined ? undefined : Number(quantity.slice(0, quantity.length - suffix.length)) * factor
}
