import { decode, encodeUser } from '@nats-io/jwt'
import { fromPublic, fromSeed } from '@nats-io/nkeys'
import { createNkey, NKEY_ROLE, nkeyFromSeed } from './nkey.js'

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

it('the library of NATS takes a JWT that is signed by one', async () => {
  const user = createNkey(NKEY_ROLE.user)
  const account = createNkey(NKEY_ROLE.account)
  expect(decode(await encodeUser('u', user, account))).toMatchObject({ sub: user.getPublicKey(), iss: account.getPublicKey() })
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
