import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'

// What cluster.sh says before it starts anything. That a cluster comes up, answers and leaves
// nothing is shown by every run of the stories.
const program = fileURLToPath(new URL('cluster.sh', import.meta.url))
let cache: string

beforeAll(() => {
  cache = mkdtempSync(`${tmpdir()}/weaver-cache-`)
})
afterAll(() => rmSync(cache, { recursive: true }))

function cluster(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { status, stdout, stderr } = spawnSync('bash', [program, ...args], {
    encoding: 'utf8',
    env: { ...process.env, WEAVER_CACHE: cache, WEAVER_KUBECONFIG: '', WEAVER_REGISTRY: '', ...env },
  })
  return { status, stdout, stderr }
}

it.each([
  ['an unknown command', ['bogus'], 2, 'usage: cluster.sh'],
  ['an unknown option', ['up', '--bogus'], 2, 'unknown option "--bogus"'],
  ['a name that is no folder name', ['up', '--name', '../x'], 2, '"../x" is no name for a cluster'],
  ['a number of nodes that it cannot make', ['up', '--nodes', '9'], 2, '--nodes wants 1 to 4, got "9"'],
  ['run without a command', ['run'], 2, 'run: no command'],
  ['env of a cluster that is not up', ['env', '--name', 'absent'], 1, 'the cluster "absent" is not up. Bring it up with:'],
])('refuses %s', (_, args, status, message) => {
  const result = cluster(args)
  expect(result.stderr).toContain(message)
  expect(result.status).toBe(status)
  expect(result.stdout).toBe('')
})

it('has nothing to do when a cluster that is not up shall go down', () => {
  expect(cluster(['down', '--name', 'absent'])).toMatchObject({ status: 0, stderr: 'cluster: the cluster "absent" is not up\n' })
})

it('wants a registry with a kubeconfig, and says what it is for', () => {
  const kubeconfig = `${cache}/kubeconfig`
  writeFileSync(kubeconfig, '')
  const result = cluster(['up'], { WEAVER_KUBECONFIG: kubeconfig })
  expect(result.stderr).toContain('WEAVER_KUBECONFIG is set, but WEAVER_REGISTRY is not: a registry that this shell pushes to')
  expect(result.status).toBe(2)
})

it('says why no cluster can be had without root, and exits with 3', () => {
  // This `id` stands in for another user, who might not be allowed to read the checkout.
  mkdirSync(`${cache}/bin`)
  writeFileSync(`${cache}/bin/id`, '#!/bin/sh\necho 1000\n', { mode: 0o755 })
  const result = cluster(['up'], { WEAVER_CLUSTER: 'own', PATH: `${cache}/bin:${process.env.PATH}` })
  expect(result.stderr).toContain('a cluster of our own cannot be made:\n')
  expect(result.stderr).toContain('  - this shell is not root (uid 1000)')
  expect(result.status).toBe(3)
})
