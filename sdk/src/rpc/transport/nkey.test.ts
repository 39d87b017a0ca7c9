import { credsAuthenticator, nkeys } from '@nats-io/transport-node'
import { answerOf, createNkey, NKEY_ROLE, nkeyFromSeed } from './nkey.js'

const { fromPublic, fromSeed } = nkeys

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
const message = new TextEncoder().encode('what is signed')

describe.each(Object.entries(NKEY_ROLE))('an nkey of the role %s', (_, role) => {
  // Bytes of all values, so that no bit of the encoding is left untried.
  const raw = Uint8Array.from({ length: 32 }, (_, i) => (i * 73 + role) & 0xff)
  const key = createNkey(role, raw)
  const theirs = fromSeed(key.getSeed())

  it('is the one that the library of NATS makes of its seed', () => {
    expect(text(theirs.getSeed())).toBe(text(key.getSeed()))
    expect(theirs.getPublicKey()).toBe(key.getPublicKey())
    expect(text(theirs.getPrivateKey())).toBe(text(key.getPrivateKey()))
  })

  it('signs as that library does, which verifies it by the public key alone', () => {
    const signature = key.sign(message)
    expect(Buffer.from(signature)).toEqual(Buffer.from(theirs.sign(message)))
    expect(fromPublic(key.getPublicKey()).verify(message, signature)).toBe(true)
    expect(key.verify(message, theirs.sign(message))).toBe(true)
    expect(key.verify(new TextEncoder().encode('something else'), signature)).toBe(false)
  })

  it('comes back from its seed', () => {
    expect(nkeyFromSeed(text(key.getSeed())).getPublicKey()).toBe(key.getPublicKey())
  })
})

it('a random one is another each time', () => {
  expect(createNkey(NKEY_ROLE.user).getPublicKey()).not.toBe(createNkey(NKEY_ROLE.user).getPublicKey())
})

describe('the answer to a challenge', () => {
  const key = createNkey(NKEY_ROLE.user, new Uint8Array(32).fill(7))
  const block = (what: string, content: string): string => `-----BEGIN ${what}-----\n${content}\n------END ${what}------\n\n`
  const creds = `${block('NATS USER JWT', 'head.claims.signature')}${'*'.repeat(25)} IMPORTANT ${'*'.repeat(25)}\nNKEYs are secret.\n\n${block('USER NKEY SEED', text(key.getSeed()))}${'*'.repeat(61)}\n`

  it.each([
    ['as nsc writes it', creds],
    ['with lines of another system', creds.replaceAll('\n', '\r\n')],
    ['with spaces around', creds.replaceAll(/^([\w.]+)$/gm, '  $1  ')],
  ])('is that of the library of NATS, of a creds file %s', (_, file) => {
    const theirs = credsAuthenticator(new TextEncoder().encode(creds))('nonce') as {
      readonly jwt: string
      readonly nkey: string
      readonly sig: string
    }
    const ours = answerOf(file, 'nonce')
    expect(ours).toMatchObject({ jwt: theirs.jwt, nkey: theirs.nkey })
    expect(Buffer.from(ours.sig ?? '', 'base64url')).toEqual(Buffer.from(theirs.sig, 'base64url'))
  })

  it.each(['', creds.slice(0, 60), creds.slice(0, 130), block('NATS USER JWT', '')])('needs both parts: %j', (file) => {
    expect(() => answerOf(file, 'nonce')).toThrow('unable to parse credentials')
  })
})

it('a seed that is damaged is refused, and so is a public key in its place', () => {
  const key = createNkey(NKEY_ROLE.operator)
  const seed = text(key.getSeed())
  const damaged = `${seed.slice(0, 20)}${seed[20] === 'A' ? 'B' : 'A'}${seed.slice(21)}`
  for (const wrong of [damaged, seed.slice(1), `${seed}A`, seed.toLowerCase(), '', key.getPublicKey()])
    expect(() => nkeyFromSeed(wrong)).toThrow('not a NATS seed')
})

it('a cleared one does nothing any more', () => {
  const key = createNkey(NKEY_ROLE.user)
  key.clear()
  for (const use of [() => key.getSeed(), () => key.getPublicKey(), () => key.sign(message)]) expect(use).toThrow('cleared')
})
