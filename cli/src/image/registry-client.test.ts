// Against the real docker-registry, with fronts before it that do what registries of companies and
// clouds do.
import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createHttpClient } from '../http/http-client.js'
import { freePort, HTPASSWD, startRegistry, type TestRegistry } from '../testing/docker-registry.js'
import { makeTree } from '../testing/fixtures.js'
import { startFront, type FrontOptions, type RegistryFront } from '../testing/registry-front.js'
import { sha256 } from './oci.js'
import { RegistryClient, type RegistryClientOptions } from './registry-client.js'
import type { FindCredentials } from './registry-credentials.js'

const ANN = { username: 'ann', password: 'secret' }
const ANN_BASIC = `Basic ${Buffer.from('ann:secret').toString('base64')}`
let registry: TestRegistry
let guarded: TestRegistry
const fronts: RegistryFront[] = []
const folders: string[] = []

beforeAll(async () => {
  ;[registry, guarded] = await Promise.all([startRegistry(), startRegistry({ htpasswd: HTPASSWD })])
})
afterEach(async () => {
  for (const front of fronts.splice(0)) await front.stop()
})
afterAll(async () => {
  await Promise.all([registry.stop(), guarded.stop()])
  for (const folder of folders) await rm(folder, { recursive: true })
})

const front = async (behind: TestRegistry, options?: FrontOptions): Promise<RegistryFront> => {
  const started = await startFront(behind.host, options)
  fronts.push(started)
  return started
}
const nobody: FindCredentials = async () => ({ problems: [] })
const ann: FindCredentials = async () => ({ credentials: ANN, problems: [] })
const client = (options: Partial<RegistryClientOptions> = {}): RegistryClient =>
  new RegistryClient({ http: createHttpClient({}), credentials: nobody, retryDelaysMs: [1], ...options })
const blob = (): { readonly data: Buffer; readonly digest: string } => {
  const data = randomBytes(100)
  return { data, digest: sha256(data) }
}
/** Uploads a blob to `host` and reads it back from the registry behind. */
const carry = async (host: string, from: TestRegistry, options: Partial<RegistryClientOptions> = {}): Promise<void> => {
  const { data, digest } = blob()
  await client(options).putBlob({ registry: host, repository: 'team/x' }, digest, { data })
  expect(await client({ credentials: ann }).getBlob({ registry: from.host, repository: 'team/x' }, digest)).toEqual(data)
}

describe('credentials', () => {
  it('are not sent to another origin, where an upload is sent on to', async () => {
    const elsewhere = await front(guarded, { authorization: ANN_BASIC })
    const before = await front(guarded, {
      change: ({ location, ...headers }) => ({
        ...headers,
        ...(location === undefined ? {} : { location: location.replace(/^http:\/\/[^/]+/, `http://${elsewhere.host}`) }),
      }),
    })
    await carry(before.host, guarded, { credentials: ann })
    expect(before.seen.filter(({ headers }) => headers.authorization === ANN_BASIC)).toHaveLength(1)
    expect(elsewhere.seen.map(({ method, headers }) => [method, headers.authorization])).toEqual([['PUT', undefined]])
  })

  it('are not sent to another origin that asks for them, and the error says why', async () => {
    const elsewhere = await front(guarded) // answers 401 with a challenge
    const before = await front(guarded, {
      change: ({ location, ...headers }) => ({
        ...headers,
        ...(location === undefined ? {} : { location: location.replace(/^http:\/\/[^/]+/, `http://${elsewhere.host}`) }),
      }),
    })
    const { data, digest } = blob()
    const put = client({ credentials: ann }).putBlob({ registry: before.host, repository: 'team/x' }, digest, { data })
    await expect(put).rejects.toMatchObject({
      code: 'WEAVER_CLI_REGISTRY_AUTH',
      message: expect.stringMatching(
        new RegExp(
          `sent the PUT on to "http://${elsewhere.host}", which refused it with 401.*credentials go to "http://${before.host}" only.*X-Forwarded-Proto`,
        ),
      ),
    })
    expect(elsewhere.seen.every(({ headers }) => headers.authorization === undefined)).toBe(true)
  })

  it('are not sent to another origin by a redirect, which is followed without', async () => {
    const { data, digest } = blob()
    await client({ credentials: ann }).putBlob({ registry: guarded.host, repository: 'team/x' }, digest, { data })
    const storage = await front(guarded, { authorization: ANN_BASIC })
    const before = await front(guarded, {
      answer: (request, response) => {
        if (request.headers.authorization === undefined || !request.url?.includes('/blobs/sha256')) return false
        response.writeHead(307, { location: `http://${storage.host}${request.url}` }).end()
        return true
      },
    })
    expect(await client({ credentials: ann }).getBlob({ registry: before.host, repository: 'team/x' }, digest)).toEqual(data)
    expect(storage.seen.map(({ headers }) => headers.authorization)).toEqual([undefined])
  })

  it('are not sent on by a token service that redirects', async () => {
    const thief = await front(registry, { answer: (_, response) => (response.end('{"token":"t"}'), true) })
    const before: RegistryFront = await front(registry, {
      answer(request, response) {
        if (request.url?.startsWith('/token') === true) response.writeHead(302, { location: `http://${thief.host}/token` }).end()
        else if (request.headers.authorization === undefined)
          response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${before.host}/token"` }).end()
        else return false
        return true
      },
    })
    await carry(before.host, registry, { credentials: ann })
    expect(before.seen.some(({ headers }) => headers.authorization === ANN_BASIC)).toBe(true)
    expect(thief.seen.map(({ headers }) => headers.authorization)).toEqual([undefined])
  })
})

describe('a challenge', () => {
  it.each([
    ['Bearer and Basic in one header', (realm: string) => `Bearer realm="${realm}",service="s", Basic realm="R"`],
    ['Basic and Bearer in one header', (realm: string) => `Basic realm="R", Bearer realm="${realm}",service="s"`],
    ['two headers', (realm: string) => [`Basic realm="R"`, `Bearer realm="${realm}",service="s"`]],
    ['two headers, Negotiate first', (realm: string) => ['Negotiate', `bearer service=s , Realm = "${realm}"`]],
  ])('of %s is answered with a token', async (_, challenge) => {
    const before: RegistryFront = await front(registry, {
      answer(request, response) {
        if (request.url?.startsWith('/token') === true) response.end('{"token":"","access_token":"T"}')
        else if (request.headers.authorization !== 'Bearer T')
          response.writeHead(401, { 'www-authenticate': challenge(`http://${before.host}/token`) }).end()
        else return false
        return true
      },
    })
    await carry(before.host, registry, { credentials: ann })
    expect(before.seen.find(({ path }) => path.startsWith('/token'))?.path).toContain('service=s')
  })

  it('of a scheme that is not spoken is named', async () => {
    const before = await front(registry, {
      answer: (_, response) => (response.writeHead(401, { 'www-authenticate': 'Negotiate' }).end(), true),
    })
    const { data, digest } = blob()
    await expect(client().putBlob({ registry: before.host, repository: 'team/x' }, digest, { data })).rejects.toThrow(
      'it asks for "negotiate" authentication, and weaver speaks Basic and Bearer only',
    )
  })

  it('that fails for lack of a credential helper names the helper', async () => {
    const problem = 'credential helper "docker-credential-x", which "f" names, failed: there is no such program on the PATH'
    const { data, digest } = blob()
    const put = client({ credentials: async () => ({ problems: [problem] }) }).putBlob(
      { registry: guarded.host, repository: 'a' },
      digest,
      { data },
    )
    await expect(put).rejects.toMatchObject({
      code: 'WEAVER_CLI_REGISTRY_AUTH',
      message: expect.stringMatching(/401.*; credential helper "docker-credential-x"/),
    })
    await expect(put).rejects.not.toThrow('docker login')
  })
})

describe('what is asked only to save work', () => {
  it.each([403, 405, 500])('and refused with %i leaves it to the writes', async (status) => {
    const before = await front(registry, {
      answer: (request, response) => {
        const isMount = request.method === 'POST' && request.url?.includes('mount=') === true
        if (request.method !== 'HEAD' && !isMount) return false
        response.writeHead(status).end()
        return true
      },
    })
    const place = { registry: before.host, repository: 'team/x', tag: 'missing' }
    const { digest } = blob()
    expect(await client().hasManifest(place, digest)).toBe(false)
    expect(await client().hasBlob(place, digest)).toBe(false)
    expect(await client().mountBlob(place, digest, { registry: before.host, repository: 'other' })).toBe(false)
    await carry(before.host, registry)
  })

  it('counts as there only with the digest that was asked for', async () => {
    const other = sha256('other')
    const before = await front(registry, {
      answer: (request, response) => (response.writeHead(200, { 'docker-content-digest': other }).end(), request.method === 'HEAD'),
    })
    const place = { registry: before.host, repository: 'team/x', tag: '1' }
    expect(await client().hasManifest(place, sha256('mine'))).toBe(false)
    expect(await client().hasManifest(place, other)).toBe(true)
    expect(await client().hasBlob(place, sha256('mine'))).toBe(false)
  })
})

it('goes to ports that browsers refuse', async () => {
  const port = await firstFree([6000, 6665, 6667, 6697, 10080])
  const odd = await startRegistry({ port })
  try {
    const { data, digest } = blob()
    const place = { registry: `127.0.0.1:${port}`, repository: 'team/x' }
    await client().putBlob(place, digest, { data })
    expect(await client().getBlob(place, digest)).toEqual(data)
  } finally {
    await odd.stop()
  }
})

it('sends a file as often as it must', async () => {
  let refusals = 2
  const before = await front(registry, {
    answer: (request, response) => {
      if (request.method !== 'PUT' || refusals-- <= 0) return false
      response.writeHead(503).end()
      return true
    },
  })
  const data = randomBytes(300_000)
  const folder = await makeTree({ layer: data.toString('base64') })
  folders.push(folder)
  const text = data.toString('base64')
  const place = { registry: before.host, repository: 'team/x' }
  await client({ retryDelaysMs: [1, 1] }).putBlob(place, sha256(text), { file: join(folder, 'layer') })
  expect((await client().getBlob(place, sha256(text))).toString()).toBe(text)
})

async function firstFree(ports: readonly number[]): Promise<number> {
  for (const port of ports) if (await freePort(port).then(() => true, () => false)) return port // prettier-ignore
  throw new Error(`none of the ports ${ports.join(', ')} is free`)
}
