import { placeOn, type Placed } from './placement.js'

const MACHINES = ['m1', 'm2', 'm3']

it('spreads the replicas of a group before anything else, then takes the machine with the fewest processes, then the first', () => {
  const placed: Placed[] = []
  for (const group of ['a', 'a', 'b', 'b', 'a', 'a']) placed.push({ machine: placeOn(MACHINES, placed, group) ?? '', group })
  expect(placed.map(({ machine, group }) => `${group}:${machine}`)).toEqual(['a:m1', 'a:m2', 'b:m3', 'b:m1', 'a:m3', 'a:m2'])
})

it('places what a lost machine ran on the others, and nothing where none can take it', () => {
  const placed = [
    { machine: 'm1', group: 'a' },
    { machine: 'm3', group: 'b' },
  ]
  expect(placeOn(['m1', 'm3'], placed, 'a')).toBe('m3')
  expect(placeOn([], placed, 'a')).toBeUndefined()
})
