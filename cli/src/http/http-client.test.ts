// Through a real forward proxy, to a real docker-registry by plain HTTP and by TLS.
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { RegistryClient } from '../image/registry-client.js'
import { sha256 } from '../image/oci.js'
import { buildPackage } from '../../../scripts/build-example.js'
import { startRegistry, type TestRegistry } from '../testing/docker-registry.js'
import { startForwardProxy, type ForwardProxy, type ProxyOptions } from '../testing/forward-proxy.js'
import { createHttpClient } from './http-client.js'

let folder: string
let registry: TestRegistry
let secure: TestRegistry
let ports: Record<string, number>
const proxies: ForwardProxy[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weaver-tls-'))
  const [certificate, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  await promisify(execFile)('openssl', 'req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=secure.corp -addext subjectAltName=DNS:secure.corp'.split(' ').concat('-keyout', key, '-out', certificate)) // prettier-ignore
  ;[registry, secure] = await Promise.all([startRegistry(), startRegistry({ tls: { certificate, key } })])
  ports = { 'registry.corp:80': portOf(registry), 'secure.corp:443': portOf(secure) }
})
afterEach(async () => {
  for (const proxy of proxies.splice(0)) await proxy.stop()
})
afterAll(async () => {
  await Promise.all([registry.stop(), secure.stop()])
  await rm(folder, { recursive: true })
})

const portOf = ({ host }: TestRegistry): number => Number(host.split(':')[1])
const startProxy = async (options: Partial<ProxyOptions> = {}): Promise<ForwardProxy> => {
  const proxy = await startForwardProxy({ ports, ...options })
  proxies.push(proxy)
  return proxy
}
const push = async (registryName: string, env: Record<string, string>): Promise<void> => {
  const client = new RegistryClient({
    http: createHttpClient(env),
    credentials: async () => ({ problems: [] }),
    insecureRegistries: ['registry.corp'],
    retryDelaysMs: [1],
  })
  const data = Buffer.from(`of ${registryName}`)
  const place = { registry: registryName, repository: 'team/x' }
  await client.putBlob(place, sha256(data), { data })
  expect(await client.getBlob(place, sha256(data))).toEqual(data)
}

it.each(['HTTP_PROXY', 'http_proxy'])('%s: plain HTTP goes through the proxy as such, with its credentials', async (name) => {
  const proxy = await startProxy({ credentials: 'ann:s@cret' })
  await push('registry.corp', { [name]: `http://ann:s%40cret@${proxy.host}` })
  expect(proxy.asked[0]).toBe('POST http://registry.corp/v2/team/x/blobs/uploads/')
  expect(proxy.asked.some((line) => line.startsWith('CONNECT'))).toBe(false)
})

it('HTTPS goes through it by CONNECT, with its credentials', async () => {
  const proxy = await startProxy({ credentials: 'ann:secret' })
  const http = createHttpClient({ HTTPS_PROXY: `http://ann:secret@${proxy.host}` })
  const ca = await readFile(join(folder, 'cert.pem'))
  const answer = await http.request(new URL('https://secure.corp/v2/'), { tls: { ca } })
  expect([answer.statusCode, await answer.body.text()]).toEqual([200, '{}'])
  expect(proxy.asked).toEqual(['CONNECT secure.corp:443'])
  await http.close()
})

it('checks the certificate of the server behind the proxy', async () => {
  const proxy = await startProxy()
  const http = createHttpClient({ HTTPS_PROXY: proxy.host })
  await expect(http.request(new URL('https://secure.corp/v2/'))).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
  await http.close()
})

it.each([
  ['loopback', {}],
  ['what NO_PROXY names', { NO_PROXY: '.corp,127.0.0.0/8' }],
])('%s needs no proxy', async (_, env) => {
  const proxy = await startProxy()
  await push(registry.host, { HTTP_PROXY: proxy.host, ...env })
  expect(proxy.asked).toEqual([])
})

it('a proxy that refuses is named in the error, without its password', async () => {
  const proxy = await startProxy({ credentials: 'ann:other' })
  const env = { HTTPS_PROXY: `http://ann:secret@${proxy.host}` }
  await expect(push('secure.corp', env)).rejects.toMatchObject({
    code: 'WEAVER_CLI_REGISTRY',
    message: expect.stringMatching(
      new RegExp(`registry "secure.corp" cannot be reached through the proxy "http://${proxy.host}" \\(HTTPS_PROXY\\): .*407.*NO_PROXY`),
    ),
  })
  await expect(push('secure.corp', env)).rejects.not.toThrow('secret')
})

it('the program that pushes an image goes through the proxy', async () => {
  buildPackage('cli')
  const proxy = await startProxy()
  const env = {
    HOME: folder,
    PATH: process.env['PATH'] ?? '',
    HTTPS_PROXY: `http://${proxy.host}`,
    NODE_EXTRA_CA_CERTS: join(folder, 'cert.pem'),
  }
  await mkdir(join(folder, 'dist'), { recursive: true })
  await writeFile(join(folder, 'package.json'), '{"name":"x"}')
  await writeFile(join(folder, 'dist/main.js'), '')
  const main = new URL('../../dist/main.js', import.meta.url).pathname
  const args = [
    main,
    'image',
    'push',
    'secure.corp/team/x',
    '--base',
    'secure.corp/none:1',
    '--no-graph',
    '--engine',
    'none',
    '--package',
    folder,
  ]
  const failed = await promisify(execFile)(process.execPath, args, { env }).catch((error: { stderr: string }) => error)
  expect(failed.stderr).toContain('image "secure.corp/none:1" does not exist in its registry')
  expect(proxy.asked).toEqual(['CONNECT secure.corp:443'])
}, 900_000)
