/**
 * The certificates by which the operator and the proxies of one app authenticate each other: an
 * authority per app, a server certificate for its proxies and a client certificate for the
 * operator. All are in one Secret; proxies mount the server's half only.
 *
 * A leaf is renewed under the same authority when a third of its life is left, so proxies and
 * operator never disagree for longer than a rolling update.
 */
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import { webcrypto } from 'node:crypto'
import { OPERATOR_COMMON_NAME } from './haproxy-config.js'

const DAY_MS = 86_400_000
const AUTHORITY_DAYS = 3_650
const LEAF_DAYS = 365
/** Clocks of nodes differ. */
const BACKDATE_MS = 3_600_000
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
/** The name that the server certificate carries; proxies are dialled by address. */
export const PROXY_SERVER_NAME = 'weaver-proxy'

/** PEM texts, as stored in the Secret. */
export interface ProxyCertificates {
  readonly 'ca.pem': string
  readonly 'ca.key': string
  /** Certificate and key in one file, as HAProxy wants it. */
  readonly 'server.pem': string
  readonly 'client.pem': string
  readonly 'client.key': string
}
const FILES = ['ca.pem', 'ca.key', 'server.pem', 'client.pem', 'client.key'] as const

/**
 * Keeps what is good and issues what is missing, damaged or about to expire. Returns the same
 * object when nothing changed.
 * @param now epoch milliseconds
 */
export async function ensureCertificates(known: Readonly<Record<string, string>> | undefined, now: number): Promise<ProxyCertificates> {
  x509.cryptoProvider.set(webcrypto)
  const kept = FILES.every((f) => typeof known?.[f] === 'string' && known[f] !== '') ? (known as unknown as ProxyCertificates) : undefined
  const authorityCertificate = kept === undefined ? undefined : fresh(kept['ca.pem'], now)
  if (kept === undefined || authorityCertificate === undefined) return all(await newAuthority(now), now)
  try {
    const authority: Authority = { certificate: authorityCertificate, key: await importKey(kept['ca.key']), keyPem: kept['ca.key'] }
    const hasServer = isLeafGood(kept['server.pem'], authority, now)
    const hasClient = isLeafGood(kept['client.pem'], authority, now)
    if (hasServer && hasClient) return kept
    const made = await all(authority, now)
    return {
      ...kept,
      ...(hasServer ? {} : { 'server.pem': made['server.pem'] }),
      ...(hasClient ? {} : { 'client.pem': made['client.pem'], 'client.key': made['client.key'] }),
    }
  } catch (error) {
    // A Secret that was damaged by hand: a new authority, and the proxies are rolled.
    if (error instanceof Error) return all(await newAuthority(now), now)
    throw error
  }
}

interface Authority {
  readonly certificate: x509.X509Certificate
  readonly key: webcrypto.CryptoKey
  readonly keyPem: string
}

async function all(authority: Authority, now: number): Promise<ProxyCertificates> {
  const server = await newLeaf(authority, { name: PROXY_SERVER_NAME, usage: x509.ExtendedKeyUsage.serverAuth, now })
  const client = await newLeaf(authority, { name: OPERATOR_COMMON_NAME, usage: x509.ExtendedKeyUsage.clientAuth, now })
  return {
    'ca.pem': authority.certificate.toString('pem'),
    'ca.key': authority.keyPem,
    'server.pem': `${server.certificate}\n${server.key}`,
    'client.pem': client.certificate,
    'client.key': client.key,
  }
}

async function newAuthority(now: number): Promise<Authority> {
  const keys = await newKeys()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: 'CN=weaver-proxy-ca',
    keys,
    signingAlgorithm: ALGORITHM,
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(now + AUTHORITY_DAYS * DAY_MS),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certificate, key: keys.privateKey, keyPem: await exportKey(keys.privateKey) }
}

async function newLeaf(
  authority: Authority,
  options: { readonly name: string; readonly usage: x509.ExtendedKeyUsage; readonly now: number },
): Promise<{ certificate: string; key: string }> {
  const keys = await newKeys()
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: `CN=${options.name}`,
    issuer: authority.certificate.subject,
    publicKey: keys.publicKey,
    signingKey: authority.key,
    signingAlgorithm: ALGORITHM,
    notBefore: new Date(options.now - BACKDATE_MS),
    notAfter: new Date(options.now + LEAF_DAYS * DAY_MS),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([options.usage]),
      new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: options.name }]),
      await x509.AuthorityKeyIdentifierExtension.create(authority.certificate),
    ],
  })
  return { certificate: certificate.toString('pem'), key: await exportKey(keys.privateKey) }
}

/** `undefined` when it cannot be read, or less than a third of its life is left. */
function fresh(pem: string, now: number): x509.X509Certificate | undefined {
  try {
    const certificate = new x509.X509Certificate(pem.slice(0, pem.indexOf('-----END CERTIFICATE-----') + 25))
    const life = certificate.notAfter.getTime() - certificate.notBefore.getTime()
    return certificate.notAfter.getTime() - now > life / 3 ? certificate : undefined
  } catch (error) {
    if (error instanceof Error) return undefined
    throw error
  }
}

function isLeafGood(pem: string, authority: Authority, now: number): boolean {
  const leaf = fresh(pem, now)
  const identifier = leaf?.getExtension(x509.AuthorityKeyIdentifierExtension)?.keyId
  return identifier !== undefined && identifier === authority.certificate.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId
}

async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')
}

async function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const [der] = x509.PemConverter.decode(pem)
  if (der === undefined) throw new Error('no key in the PEM text')
  return webcrypto.subtle.importKey('pkcs8', der, { name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign'])
}

/** 16 random bytes, positive and without a leading zero, as X.509 wants it. */
function newSerial(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16))
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return Buffer.from(bytes).toString('hex')
}
