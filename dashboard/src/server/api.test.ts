// Viewers that leave, over real connections, with a source that answers by hand.
import { once } from 'node:events'
import { createServer, request, type ClientRequest, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fakeSource, type FakeSource } from '../testing/fake-source.js'
import { createWatch, type Watch } from '../watch.js'
import { answerApi } from './api.js'

let source: FakeSource
let watch: Watch
let server: Server
/** Viewers that follow. */
let followers: number
/** Looks that wait to be answered. */
let held: (() => void)[]
/** Of each request: answered, and the viewer's leaving heard of. */
let answered: Promise<unknown>[]
let closed: Promise<unknown>[]

beforeEach(async () => {
  followers = 0
  ;[held, answered, closed] = [[], [], []]
  source = fakeSource()
  source.gate = () => new Promise((resolve) => held.push(resolve))
  const real = createWatch(source, { watchedMs: 1, onProblem: () => undefined })
  watch = {
    ...real,
    follow(key, onState) {
      followers++
      const stop = real.follow(key, onState)
      return () => {
        followers--
        stop()
      }
    },
  }
  server = createServer((_, response) => {
    closed.push(once(response, 'close'))
    answered.push(answerApi({ key: 'd-1', what: 'events', search: new URLSearchParams(), lastEventId: undefined }, response, watch))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterEach(async () => {
  watch.close()
  for (const answer of held) answer()
  server.closeAllConnections()
  server.close()
  await Promise.all(answered)
})

function view(): ClientRequest {
  const { port } = server.address() as AddressInfo // it listens on a port
  const viewer = request({ host: '127.0.0.1', port, agent: false })
  viewer.on('error', () => undefined) // it leaves by itself
  viewer.end()
  return viewer
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve))
}

it('does not follow for a viewer that left before the first state was there', async () => {
  const viewer = view()
  await until(() => held.length === 1)
  viewer.destroy()
  await Promise.all(closed)
  source.gate = async () => undefined
  held.shift()?.()
  await Promise.all(answered)
  expect([closed.length, source.asked, followers]).toEqual([1, 1, 0])
})

it('sends one look to 20 viewers, and follows for none that has left', async () => {
  const texts = Array.from({ length: 20 }, () => '')
  const states = (): number[] => texts.map((text) => text.split('event: state\n').length - 1)
  const viewers = texts.map((_, i) => view().on('response', (response) => response.on('data', (chunk) => (texts[i] += String(chunk)))))
  await until(() => answered.length === 20)
  // All of them wait for the first look.
  await until(() => held.length === 1)
  expect(source.asked).toBe(1)
  for (let looks = 1; looks <= 3; looks++) {
    held.shift()?.()
    await until(() => states().every((count) => count >= looks))
    expect(new Set(states())).toEqual(new Set([looks]))
    await until(() => held.length === 1)
    expect([source.asked, followers]).toEqual([looks + 1, 20])
  }
  for (const viewer of viewers) viewer.destroy()
  await Promise.all(closed)
  expect(followers).toBe(0)
})
