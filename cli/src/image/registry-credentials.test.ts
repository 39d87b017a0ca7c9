import { chmod, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { makeTree } from '../testing/fixtures.js'
import { parseReference } from './reference.js'
import { createCredentialFinder, type FoundCredentials } from './registry-credentials.js'

const folders: string[] = []
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))))

const auth = (user: string): { readonly auth: string } => ({ auth: Buffer.from(`${user}:secret`).toString('base64') })

/** @param helpers programs by name, as shell scripts */
async function find(image: string, config: object, helpers: Readonly<Record<string, string>> = {}): Promise<FoundCredentials> {
  const folder = await makeTree({
    'docker/config.json': JSON.stringify(config),
    'bin/none': '',
    ...Object.fromEntries(Object.entries(helpers).map(([name, script]) => [`bin/docker-credential-${name}`, `#!/bin/sh\n${script}\n`])),
  })
  folders.push(folder)
  for (const name of Object.keys(helpers)) await chmod(join(folder, `bin/docker-credential-${name}`), 0o755)
  const env = { HOME: folder, DOCKER_CONFIG: join(folder, 'docker'), PATH: `${join(folder, 'bin')}:/usr/bin:/bin` }
  return createCredentialFinder(env)(parseReference(image))
}

describe('credentials of a configuration', () => {
  it.each([
    ['host.corp/x', 'https://host.corp/v1/'],
    ['host.corp/x', 'http://host.corp/v2/'],
    ['host.corp/x', 'https://host.corp'],
    ['host.corp/x', 'HOST.corp/'],
    ['host.corp:443/x', 'host.corp'],
    ['Host.corp/x', 'host.corp:443'],
    ['host.corp:5050/team/proj/app', 'host.corp:5050/team/proj'],
    ['host.corp:5050/team/proj', 'host.corp:5050/team/proj'],
    ['node', 'https://index.docker.io/v1/'],
    ['index.docker.io/library/node', 'docker.io'],
    ['registry-1.docker.io/team/x', 'https://index.docker.io/v1/'],
    ['registry.hub.docker.com/team/x', 'https://index.docker.io/v1/'],
    ['docker.io/team/x', 'registry.hub.docker.com'],
    ['docker.io/team/x', 'index.docker.io/team'],
  ])('for "%s" stand under "%s"', async (image, key) => {
    expect(await find(image, { auths: { 'other.corp': auth('bob'), [key]: auth('ann') } })).toMatchObject({
      credentials: { username: 'ann', password: 'secret' },
      problems: [],
    })
  })

  it.each([
    ['host.corp:5000/x', 'host.corp'],
    ['host.corp/team/x', 'host.corp/tea'],
    ['host.corp/team', 'host.corp/team/x'],
    ['docker.io/x', 'hub.docker.io'],
  ])('for "%s" are not those of "%s"', async (image, key) => {
    expect(await find(image, { auths: { [key]: auth('bob') } })).toEqual({ problems: [] })
  })

  it('of the longest path count', async () => {
    const auths = { 'h.corp': auth('all'), 'https://h.corp/v1/': auth('old'), 'h.corp/a/b': auth('deep'), 'h.corp/a': auth('a') }
    expect(await find('h.corp/a/b/c', { auths })).toMatchObject({ credentials: { username: 'deep' } })
    expect(await find('h.corp/a/x', { auths })).toMatchObject({ credentials: { username: 'a' } })
    expect(await find('h.corp/b', { auths })).toMatchObject({ credentials: { username: 'all' } })
  })
})

describe('a credential helper', () => {
  const answer = (secret: string): string => `read server; echo "{\\"Username\\":\\"$server\\",\\"Secret\\":\\"${secret}\\"}"`

  it.each([
    ['of the registry', 'host.corp/x', { credHelpers: { 'https://host.corp/v2/': 'x' } }, 'host.corp'],
    ['of all registries', 'host.corp/x', { credsStore: 'x' }, 'host.corp'],
    [
      'that knows it by the name of its login',
      'host.corp/x',
      { credsStore: 'x', auths: { 'https://host.corp/v1/': {} } },
      'https://host.corp/v1/',
    ],
    ['that knows Docker Hub', 'registry-1.docker.io/a/x', { credsStore: 'x' }, 'https://index.docker.io/v1/'],
  ])('%s is asked', async (_, image, config, server) => {
    expect(await find(image, config, { x: answer('s') })).toEqual({ credentials: { username: server, password: 's' }, problems: [] })
  })

  it.each([
    ['is missing', {}, /there is no such program on the PATH/],
    ['ends with a reason', { x: 'echo "token expired, run cloud login"; exit 1' }, /it ended with 1 \(token expired, run cloud login\)/],
    ['says its reason to stderr', { x: 'echo "no session" >&2; exit 3' }, /it ended with 3 \(no session\)/],
    ['answers something else', { x: 'echo hello' }, /its answer has no Username and Secret/],
  ])('that %s is a problem that is told, and the search goes on', async (_, helpers: Record<string, string>, reason) => {
    const credHelpers = { 'host.corp': 'x' }
    const alone = await find('host.corp/x', { credHelpers }, helpers)
    expect(alone).toEqual({
      problems: [expect.stringMatching(/^credential helper "docker-credential-x", which ".*config.json" names, failed: /)],
    })
    expect(alone.problems[0]).toMatch(reason)
    const withAuths = await find('host.corp/x', { credHelpers, auths: { 'host.corp': auth('ann') } }, helpers)
    expect(withAuths).toMatchObject({ credentials: { username: 'ann' }, problems: [expect.stringMatching(reason)] })
  })

  it('that has nothing is no problem', async () => {
    const x = 'echo "credentials not found in native keychain"; exit 1'
    expect(await find('host.corp/x', { credsStore: 'x' }, { x })).toEqual({ problems: [] })
  })
})
