// Against the real docker-registry.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { startRegistry, type TestRegistry } from '../testing/docker-registry.js'
import { makeTree, pushBaseImage } from '../testing/fixtures.js'
import { resolveTag } from './resolve-tag.js'

let registry: TestRegistry
let cache: string
beforeAll(async () => {
  registry = await startRegistry()
  cache = await makeTree({})
})
afterAll(async () => {
  await registry.stop()
  await rm(cache, { recursive: true })
})
const env = { HOME: '/nowhere' }

it('a tag that was pushed again is another image', async () => {
  const image = await pushBaseImage(registry.host, { repository: 'team/shop', cache: join(cache, 'a') })
  const first = await resolveTag(image, { env })
  expect(first).toMatch(/^127\.0\.0\.1:\d+\/team\/shop:1@sha256:[0-9a-f]{64}$/)
  expect(await resolveTag(image, { env })).toBe(first)
  await pushBaseImage(registry.host, { repository: 'team/shop', architectures: ['arm64'], cache: join(cache, 'b') })
  const second = await resolveTag(image, { env })
  expect(second).not.toBe(first)
  expect(await resolveTag(first, { env })).toBe(first)
})

it('what is not there is an error that names it', async () => {
  await expect(resolveTag(`${registry.host}/team/none`, { env })).rejects.toMatchObject({
    code: 'WEAVER_CLI_REGISTRY',
    message: expect.stringContaining('team/none:latest') as string,
  })
})
