/** The certificate of a deployment's broker. It is made for each deployment, signed by itself, and the only one that its processes trust. */
import 'reflect-metadata'
import { KeyObject, webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import * as x509 from '@peculiar/x509'

const DAY_MS = 86_400_000
/** A deployment runs as long as a terminal is open. */
const LIFE_DAYS = 365
/** Clocks of machines differ. */
const BACKDATE_MS = DAY_MS
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

/** PEM texts. */
export interface BrokerCertificate {
  readonly certificate: string
  readonly key: string
}

/**
 * The client library upgrades a socket to TLS without telling Node the address that it dialled, so
 * that Node looks for this name. No other certificate is trusted, so nobody else gains by it.
 */
const NAME_FOR_ADDRESSES = 'localhost'

/** @param hosts names or addresses by which it is dialled */
export async function newBrokerCertificate(hosts: readonly string[]): Promise<BrokerCertificate> {
  x509.cryptoProvider.set(webcrypto)
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const now = Date.now()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=weaver-ssh-broker',
    keys,
    signingAlgorithm: ALGORITHM,
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(now + LIFE_DAYS * DAY_MS),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        [...hosts, NAME_FOR_ADDRESSES].map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
      ),
    ],
  })
  const key = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' })
  return { certificate: certificate.toString('pem'), key: String(key) }
}
