/** The end of a listener that has requests at work. */
import { once } from 'node:events'
import { Agent, createServer, get, type IncomingMessage, type ServerResponse } from 'node:http'
import { createListener } from './listener.js'

it('tells clients whose requests were at work when the drain began to come back on another connection, and loses none', async () => {
  const CLIENTS = 40
  const agent = new Agent({ keepAlive: true })
  const waiting: ServerResponse[] = []
  const listener = createListener('web', '127.0.0.1:0')
  const server = createServer((_request, response) => void waiting.push(response))
  const { port } = await listener.serve(server)
  const ask = async (): Promise<IncomingMessage> => {
    const [response] = (await once(get({ port, agent }), 'response')) as [IncomingMessage]
    response.resume()
    return response
  }
  try {
    const asked = Array.from({ length: CLIENTS }, ask)
    while (waiting.length < CLIENTS) await new Promise((resolve) => setTimeout(resolve, 5))
    waiting[0]?.write('the head is written') // nothing can be said to this one any more
    listener.beginDrain()
    const closed = listener.close()
    for (const response of waiting) response.end()
    const said = (await Promise.all(asked)).map(({ headers }) => headers.connection)
    expect(said).toEqual(['keep-alive', ...Array.from({ length: CLIENTS - 1 }, () => 'close')])
    expect(await closed).toBe(true)
  } finally {
    agent.destroy()
  }
})
