import { component, config, implement } from '@weaver/sdk'
import { z } from 'zod'

export interface Greeter {
  greet(name: string): Promise<string>
}
export const Greeter = component<Greeter>('hello/Greeter')

class GreeterImpl implements Greeter {
  readonly options = config(z.strictObject({ greeting: z.string().default('Hello') }))

  async greet(name: string): Promise<string> {
    return `${this.options.greeting}, ${name}!`
  }
}
export const greeterImpl = implement(Greeter, GreeterImpl)
