import 'reflect-metadata'
import { Controller, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { ClientProxyFactory, MessagePattern, Transport, type NatsOptions } from '@nestjs/microservices'
import { firstValueFrom } from 'rxjs'
import { ORDER_JSON } from '../../order-json.js'
import { TINY, type Meeting, type Row } from '../row.js'

class EchoController {
  tiny(text: string): string {
    return text
  }
  order(order: typeof ORDER_JSON): typeof ORDER_JSON {
    return order
  }
}
class EchoModule {
  readonly name = 'echo' // the linter takes no empty class
}
// Decorators as functions: this repository's compiler options have none.
for (const name of ['tiny', 'order'] as const)
  MessagePattern(name)(
    EchoController.prototype,
    name,
    Object.getOwnPropertyDescriptor(EchoController.prototype, name) as PropertyDescriptor, // it is there, above
  )
Controller()(EchoController)
Module({ controllers: [EchoController] })(EchoModule)

const over = ({ natsUrl }: Meeting): NatsOptions => ({ transport: Transport.NATS, options: { servers: [natsUrl] } })

/** Messages with an answer over NATS, with its defaults: JSON. */
export const nestjsRow: Row = {
  async serve(at) {
    const server = await NestFactory.createMicroservice(EchoModule, { ...over(at), logger: false })
    await server.listen()
  },
  async connect(at) {
    const client = ClientProxyFactory.create(over(at))
    await client.connect()
    return { tiny: () => firstValueFrom(client.send('tiny', TINY)), order: () => firstValueFrom(client.send('order', ORDER_JSON)) }
  },
}
