import { component, implement } from '@weaver/sdk'
import { sign, type Signature } from './signature.js'

export interface Reverser {
  reverse(text: string): Promise<string>
  sign(): Promise<Signature>
}
export const Reverser = component<Reverser>('httpserver/Reverser')

class ReverserImpl implements Reverser {
  async reverse(text: string): Promise<string> {
    return [...text].reverse().join('')
  }

  async sign(): Promise<Signature> {
    return sign()
  }
}
export const reverserImpl = implement(Reverser, ReverserImpl)
