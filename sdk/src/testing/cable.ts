/**
 * For tests of faults: a connection to a real broker that can be cut, held up, or made to lose
 * messages. It forwards bytes; only to lose a message does it look at what the client publishes.
 */
import { once } from 'node:events'
import { createConnection, createServer, type AddressInfo, type Socket } from 'node:net'

export interface Cable {
  readonly url: string
  /** Ends every connection; the client may reconnect at once. */
  cut(): void
  /** Ends every connection and refuses new ones. */
  unplug(): void
  plugIn(): void
  /** Nothing passes in either direction, and no connection ends. */
  hold(): void
  release(): void
  /**
   * Stops messages that the client publishes to these subjects from reaching the broker; with
   * `count`, only the first of them.
   */
  lose(isLost: (subject: string) => boolean, count?: number): void
  /** Number of lost messages. */
  readonly lost: number
  close(): Promise<void>
}

/** @param port of the broker, on loopback */
export async function startCable(port: number): Promise<Cable> {
  const lines = new Set<readonly [near: Socket, far: Socket]>()
  let isPlugged = true
  let isHeld = false
  let lost = 0
  let isLost: (subject: string) => boolean = () => false
  const server = createServer((near) => {
    if (!isPlugged) return void near.destroy()
    const far = createConnection(port, '127.0.0.1')
    const line = [near, far] as const
    lines.add(line)
    const pass = messageFilter((subject) => {
      if (!isLost(subject)) return true
      lost++
      return false
    })
    near.on('data', (bytes: Buffer) => pass(bytes, (kept) => void far.write(kept)))
    far.on('data', (bytes: Buffer) => void near.write(bytes))
    for (const end of line) {
      if (isHeld) end.pause()
      end.setNoDelay(true)
      end.on('error', () => undefined) // of an end whose other end was destroyed
      end.on('close', () => {
        lines.delete(line)
        near.destroy()
        far.destroy()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const each = (act: (end: Socket) => void): void => {
    for (const line of lines) for (const end of line) act(end)
  }
  const cut = (): void => each((end) => void end.destroy())
  return {
    url: `nats://127.0.0.1:${(server.address() as AddressInfo).port}`, // a TCP server that listens has one
    cut,
    unplug() {
      isPlugged = false
      cut()
    },
    plugIn: () => void (isPlugged = true),
    hold() {
      isHeld = true
      each((end) => void end.pause())
    },
    release() {
      isHeld = false
      each((end) => void end.resume())
    },
    lose(which, count = Infinity) {
      let left = count
      isLost = (subject) => which(subject) && left-- > 0
    },
    get lost() {
      return lost
    },
    async close() {
      const closed = once(server, 'close')
      server.close()
      cut()
      await closed
    },
  }
}

/**
 * Splits a NATS client's output into commands and forwards them, except messages to a subject for
 * which `isPassed` returns false.
 */
function messageFilter(isPassed: (subject: string) => boolean): (bytes: Buffer, pass: (kept: Buffer) => void) => void {
  let rest: Buffer = Buffer.alloc(0)
  return (bytes, pass) => {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes])
    for (;;) {
      const lineEnd = rest.indexOf('\r\n')
      if (lineEnd < 0) return
      // PUB subject [reply] bytes, HPUB subject [reply] bytes-of-headers bytes; no other command
      // has a body.
      const [command = '', subject = '', ...numbers] = rest.toString('latin1', 0, lineEnd).split(' ')
      const isMessage = /^H?PUB$/i.test(command)
      const size = lineEnd + 2 + (isMessage ? Number(numbers.at(-1)) + 2 : 0)
      if (rest.length < size) return
      if (!isMessage || isPassed(subject)) pass(rest.subarray(0, size))
      rest = rest.subarray(size)
    }
  }
}
