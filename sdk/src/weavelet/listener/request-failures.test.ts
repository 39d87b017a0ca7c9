import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Logger, LogFields } from '../../telemetry/logger.js'
import { answerFailures } from './request-failures.js'

const close: (() => void)[] = []
afterEach(() => {
  for (const one of close.splice(0)) one()
})

async function serve(
  ...handlers: RequestListener[]
): Promise<{ readonly url: string; readonly logged: readonly (LogFields | undefined)[] }> {
  const logged: (LogFields | undefined)[] = []
  const ignore = (): void => undefined
  const log: Logger = { debug: ignore, info: ignore, warn: ignore, error: (_, fields) => void logged.push(fields), with: () => log }
  const server = createServer()
  answerFailures(server, { listener: 'web', log })
  for (const handler of handlers) server.on('request', handler)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  close.push(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, logged } // it listens
}

it.each<[string, RequestListener]>([
  ['rejects', async () => Promise.reject(new Error('no store'))],
  [
    'throws',
    () => {
      throw new Error('no store')
    },
  ],
])('a handler that %s is answered with 500, told in the log, and the next request is served', async (_, handler) => {
  const { url, logged } = await serve((request, response) => {
    response.setHeader('cache-control', 'max-age=60')
    if (request.url === '/good') response.end('good')
    else return handler(request, response)
  })
  const failed = await fetch(`${url}/bad?token=secret`)
  expect([failed.status, failed.headers.get('cache-control'), await failed.text()]).toEqual([500, null, 'internal error\n'])
  expect(logged).toEqual([{ listener: 'web', method: 'GET', path: '/bad', err: new Error('no store') }])
  expect(await (await fetch(`${url}/good`)).text()).toBe('good')
})

it('an answer that had begun is cut off', async () => {
  const { url, logged } = await serve(async (_, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('half of')
    await new Promise((resolve) => setTimeout(resolve, 20))
    throw new Error('no more')
  })
  await expect(fetch(url).then((response) => response.text())).rejects.toThrow(/terminated|aborted|fetch/)
  expect(logged).toHaveLength(1)
})

it('an answer that was whole stays so, and every handler is called', async () => {
  const seen: string[] = []
  const { url, logged } = await serve(
    () => void seen.push('first'),
    async (_, response) => {
      response.end('whole')
      throw new Error('afterwards')
    },
  )
  const answer = await fetch(url)
  expect([answer.status, await answer.text()]).toEqual([200, 'whole'])
  expect([seen, logged.length]).toEqual([['first'], 1])
})
