import { Socket } from 'node:net'

/**
 * Notices the end of the deployer, however it ended: the deployer holds the other end of this
 * descriptor and never writes. Does not keep the process alive.
 * @throws Error of Node when the process has no such descriptor
 */
export function watchLifeline(fd: number, onDeployerEnded: () => void): void {
  new Socket({ fd, readable: true, writable: false })
    .on('error', () => undefined) // `close` follows
    .on('close', onDeployerEnded)
    .resume()
    .unref()
}
