import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Certificates {
  readonly caFile: string
  readonly certFile: string
  readonly keyFile: string
}

/**
 * Creates an authority and a certificate signed by it, with `openssl`: for servers and for clients
 * of the given host name, valid for a day.
 * @param folder the output folder; one authority in each
 */
export function makeCertificates(folder: string, host: string): Certificates {
  const at = (name: string): string => join(folder, name)
  const openssl = (...args: readonly string[]): void => void execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl('req', '-x509', ...newKey, '-days', '1', '-subj', '/CN=test authority', '-keyout', at('ca.key'), '-out', at('ca.pem'))
  openssl('req', ...newKey, '-subj', `/CN=${host}`, '-keyout', at('tls.key'), '-out', at('tls.csr'))
  writeFileSync(at('tls.ext'), `subjectAltName=DNS:${host}\nextendedKeyUsage=serverAuth,clientAuth\n`)
  const signed = ['-in', at('tls.csr'), '-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-extfile', at('tls.ext')]
  openssl('x509', '-req', ...signed, '-days', '1', '-out', at('tls.pem'))
  return { caFile: at('ca.pem'), certFile: at('tls.pem'), keyFile: at('tls.key') }
}
