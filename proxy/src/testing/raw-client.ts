import { connect, type Socket } from 'node:net'

/** A client that says exactly what it is given, and shows exactly what it hears. */
export class RawClient implements Disposable {
  readonly socket: Socket
  heard = ''
  isEnded = false
  isReset = false
  readonly #waiting = new Set<() => void>()

  constructor(port: number) {
    this.socket = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true })
    this.socket.on('data', (chunk) => {
      this.heard += chunk.toString('latin1')
      this.#wake()
    })
    this.socket.on('end', () => {
      this.isEnded = true
      this.#wake()
    })
    this.socket.on('error', () => (this.isReset = true))
    this.socket.on('close', () => this.#wake())
  }

  say(text: string | Buffer): this {
    this.socket.write(text, 'latin1')
    return this
  }

  /** Resolves as soon as what was heard is so, with all of it. */
  async until(isSo: (heard: string) => boolean): Promise<string> {
    while (!isSo(this.heard)) {
      if (this.isEnded || this.socket.destroyed) throw new Error(`the connection ended after ${JSON.stringify(this.heard)}`)
      await this.#event()
    }
    return this.heard
  }

  /** All that was heard when the other side has ended, or broken, the connection. */
  async rest(): Promise<string> {
    while (!this.isEnded && !this.socket.destroyed) await this.#event()
    return this.heard
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }

  #event(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve))
  }

  #wake(): void {
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }
}

/** All that the other side says to this, until it closes. */
export async function tell(port: number, text: string | Buffer): Promise<string> {
  using client = new RawClient(port)
  return await client.say(text).rest()
}

export function count(text: string, part: string): number {
  return text.split(part).length - 1
}
