import { ServiceBroker, type Context } from 'moleculer'
import { ORDER_JSON } from '../../order-json.js'
import { TINY, type Meeting, type Row } from '../row.js'

const broker = ({ natsUrl }: Meeting, nodeID: string): ServiceBroker =>
  new ServiceBroker({ nodeID, transporter: { type: 'NATS', options: { url: natsUrl } }, logger: false })

/** Actions over NATS, with its defaults: JSON. */
export const moleculerRow: Row = {
  async serve(at) {
    const server = broker(at, 'server')
    server.createService({
      name: 'echo',
      actions: {
        tiny: (context: Context<{ text: string }>) => context.params.text,
        order: (context: Context<typeof ORDER_JSON>) => context.params,
      },
    })
    await server.start()
  },
  async connect(at) {
    const client = broker(at, 'client')
    await client.start()
    await client.waitForServices('echo')
    return { tiny: () => client.call('echo.tiny', { text: TINY }), order: () => client.call('echo.order', ORDER_JSON) }
  },
}
