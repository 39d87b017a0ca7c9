import { array, assert, boolean, nat, property, tuple } from 'fast-check'
import { NumberedCalls, type Numbered } from './numbered-calls.js'

class Call implements Numbered<Call> {
  chained: Call | undefined
  constructor(readonly id: number) {}
}

it('has what was added and not taken out, the last of one number first, whatever is done in which order', () => {
  assert(
    property(array(tuple(boolean(), nat(300)), { maxLength: 600 }), (steps) => {
      const table = new NumberedCalls<Call>()
      const model: Call[] = []
      for (const [isAdded, n] of steps) {
        if (isAdded) {
          const call = new Call(n)
          model.push(call)
          table.add(call)
        } else if (model.length > 0) {
          const [gone] = model.splice(n % model.length, 1) as [Call]
          table.delete(gone)
          table.delete(gone)
          expect(gone.chained).toBeUndefined() // I1
        }
      }
      expect(table.size).toBe(model.length)
      expect(new Set(table.values())).toEqual(new Set(model))
      expect(table.values()).toHaveLength(model.length)
      for (let id = 0; id <= 300; id++) expect(table.get(id)).toBe(model.findLast((call) => call.id === id))
    }),
  )
})

it('knows numbers of all 32 bits', () => {
  const table = new NumberedCalls<Call>()
  const calls = [1, 0x7fffffff, 0x80000000, 0xffffffff].map((id) => new Call(id))
  for (const call of calls) table.add(call)
  for (const call of calls) expect(table.get(call.id)).toBe(call)
})

it('lets all be taken out while they are gone through', () => {
  const table = new NumberedCalls<Call>()
  for (let id = 0; id < 1_000; id++) table.add(new Call(id % 10))
  for (const call of table.values()) table.delete(call)
  expect(table.size).toBe(0)
  expect(table.values()).toEqual([])
})
