/**
 * The larger payload: an order as shops have them, with every kind of value that JSON loses. About
 * 760 bytes encoded, 1,800 as JSON.
 */
export interface Address {
  street: string
  city: string
  postcode: string
  country: string
}
export interface Line {
  sku: string
  title: string
  quantity: number
  unitPriceCents: number
  options: Map<string, string>
  gift: boolean
}
export interface Order {
  id: bigint
  createdAt: Date
  customer: { id: string; name: string; email: string; since: Date }
  shipping: Address
  billing?: Address
  lines: Line[]
  tags: Set<string>
  status: 'open' | 'paid' | 'shipped'
  totalCents: number
  weightKg: number
  note: string | null
  signature: Uint8Array
}

export const ORDER: Order = {
  id: 9_007_199_254_740_993n,
  createdAt: new Date('2026-03-01T12:34:56.789Z'),
  customer: { id: 'c-20391', name: 'Ada Lovelace', email: 'ada@example.com', since: new Date('2019-07-14T00:00:00Z') },
  shipping: { street: '12 Saint James Square', city: 'London', postcode: 'SW1Y 4JH', country: 'GB' },
  lines: Array.from({ length: 10 }, (_, i) => ({
    sku: `SKU-${1000 + i * 37}`,
    title: `Analytical engine part number ${i}`,
    quantity: 1 + (i % 4),
    unitPriceCents: 1999 + i * 250,
    options: new Map([['colour', i % 2 === 0 ? 'brass' : 'steel']]),
    gift: i % 3 === 0,
  })),
  tags: new Set(['priority', 'returning', 'newsletter']),
  status: 'paid',
  totalCents: 48_230,
  weightKg: 12.375,
  note: null,
  signature: new Uint8Array(16).map((_, i) => i * 7),
}
