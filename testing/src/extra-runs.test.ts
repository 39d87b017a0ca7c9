import type { WeaverGen } from '@weaver/sdk/internal'
import { extraRuns } from './extra-runs.js'

const LINKS = 12
const names = Array.from({ length: LINKS }, (_, link) => `chain/Link${link}`)
// Of what is generated, an interceptor looks at names and options only.
const gen = { components: () => names.map((name) => ({ token: { name, options: {} }, methods: [{ name: 'go' }] })) } as unknown as WeaverGen

it('what an extra run calls is not run again: a chain of calls takes longer with its length, and not twice as long with each link', async () => {
  const around = extraRuns(gen, 1)
  const runs = names.map(() => 0)
  const call = (link: number): Promise<unknown> =>
    around({ side: 'client', component: names[link] ?? '', method: 'go', args: [], caller: undefined }, async () => {
      runs[link] = (runs[link] ?? 0) + 1
      if (link + 1 < LINKS) await call(link + 1)
    })
  await call(0)
  expect(runs).toEqual(names.map((_, link) => link + 2))
})
