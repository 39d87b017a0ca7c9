import type { Socket } from 'node:net'

/**
 * Passes bytes both ways until both sides have ended or one has broken. Each side is read only as fast as the other takes it. What listened to the sockets for data, ends
 * and drains does so no more.
 */
export function tunnel(a: Socket, b: Socket, onClosed: () => void): void {
  let open = 2
  const join = (from: Socket, to: Socket): void => {
    for (const event of ['data', 'end', 'drain']) from.removeAllListeners(event)
    from.on('data', (chunk) => {
      if (!to.write(chunk)) from.pause()
    })
    from.on('drain', () => to.resume())
    from.on('end', () => to.end())
    from.on('error', () => to.destroy())
    from.on('close', () => {
      if (!from.readableEnded) to.destroySoon() // what is written already still goes out
      if (--open === 0) onClosed()
    })
  }
  join(a, b)
  join(b, a)
  a.resume()
  b.resume()
}
