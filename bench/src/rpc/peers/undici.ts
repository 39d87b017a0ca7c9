import { once } from 'node:events'
import { createServer } from 'node:http'
import { Pool } from 'undici'
import { ORDER_JSON } from '../../order-json.js'
import { CALLERS } from '../measure.js'
import { TINY, type Row } from '../row.js'

/**
 * JSON in HTTP bodies, without a framework: `node:http` serves, a pool of kept connections calls,
 * one for each caller.
 */
export const undiciRow: Row = {
  async serve({ port }) {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const body = JSON.stringify(JSON.parse(Buffer.concat(chunks).toString()) as unknown)
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body)
      })
    })
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  },
  async connect({ port }) {
    const pool = new Pool(`http://127.0.0.1:${port}`, { connections: CALLERS })
    const call = async (path: string, payload: unknown): Promise<unknown> => {
      const { body } = await pool.request({
        path,
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(payload),
      })
      return body.json()
    }
    return { tiny: () => call('/tiny', TINY), order: () => call('/order', ORDER_JSON) }
  },
}
