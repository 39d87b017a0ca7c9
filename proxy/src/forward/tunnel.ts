import type { Socket } from 'node:net'

/** A side of a tunnel that is not read by the events of its socket. */
export interface TunnelEnd {
  readonly socket: Socket
  readBy(listener: (bytes: Buffer) => void): void
}

export function tunnelEnd(socket: Socket): TunnelEnd {
  return { socket, readBy: (listener) => void socket.on('data', listener) }
}

/**
 * Passes bytes both ways until both sides have ended or one has broken. Each side is read only as fast as the other takes it. What listened to the sockets for data, ends
 * and drains does so no more.
 */
export function tunnel(a: TunnelEnd, b: TunnelEnd, onClosed: () => void): void {
  let open = 2
  const join = (end: TunnelEnd, to: Socket): void => {
    const from = end.socket
    for (const event of ['data', 'end', 'drain']) from.removeAllListeners(event)
    end.readBy((bytes) => {
      if (!to.write(bytes)) from.pause()
    })
    from.on('drain', () => to.resume())
    from.on('end', () => to.end())
    from.on('error', () => to.destroy())
    from.on('close', () => {
      if (!from.readableEnded) to.destroySoon() // what is written already still goes out
      if (--open === 0) onClosed()
    })
  }
  join(a, b.socket)
  join(b, a.socket)
  a.socket.resume()
  b.socket.resume()
}
