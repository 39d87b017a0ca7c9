import { setTimeout as sleep } from 'node:timers/promises'
import { untilGone } from './until-gone.js'

it('looks once more when the first look took longer than all the time there is', async () => {
  let looks = 0
  const look = async (): Promise<readonly string[]> => {
    looks += 1
    if (looks > 1) return []
    await sleep(20)
    return ['seen before it was closed']
  }
  expect(await untilGone(look, 1)).toEqual([])
})

it('tells what is left when the time is over', async () => {
  expect(await untilGone(() => ['a server still listens'], 1)).toEqual(['a server still listens'])
})
