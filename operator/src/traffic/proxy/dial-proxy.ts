import type { Socket } from 'node:net'
import { connect } from 'node:tls'
import { PROXY_SERVER_NAME, type ProxyCertificates } from './certificates.js'
import { PROXY_ADMIN_PORT } from './haproxy-config.js'

const DIAL_TIMEOUT_MS = 3_000

/**
 * Mutual TLS; the proxy presents a certificate of the app's own authority, whatever its address.
 */
export async function dialProxy(pod: { readonly ip: string }, certificates: ProxyCertificates): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: pod.ip,
      port: PROXY_ADMIN_PORT,
      servername: PROXY_SERVER_NAME,
      ca: certificates['ca.pem'],
      cert: certificates['client.pem'],
      key: certificates['client.key'],
      minVersion: 'TLSv1.2',
      timeout: DIAL_TIMEOUT_MS,
    })
    socket.once('error', reject)
    socket.once('timeout', () => socket.destroy(new Error(`no connection to ${pod.ip}:${PROXY_ADMIN_PORT} within ${DIAL_TIMEOUT_MS} ms`)))
    socket.once('secureConnect', () => {
      socket.removeListener('error', reject)
      socket.removeAllListeners('timeout')
      socket.setTimeout(0)
      resolve(socket)
    })
  })
}
