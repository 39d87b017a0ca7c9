import { component, implement, ref } from '@weaver/sdk'
import { Splitter } from './splitter.js'

export interface Reverser {
  reverse(text: string): Promise<string>
}
export const Reverser = component<Reverser>('reverser/Reverser')

class ReverserImpl implements Reverser {
  readonly splitter = ref(Splitter)

  async reverse(text: string): Promise<string> {
    const characters = await this.splitter.split(text)
    return characters.reverse().join('')
  }
}
export const reverserImpl = implement(Reverser, ReverserImpl)
