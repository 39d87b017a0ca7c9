/**
 * Builds the packages `@weaver/nats-server-<platform>-<arch>`: a nats-server each, from its Go module, cross-compiled, in folders that `npm pack` and
 * `npm publish` take. They are made for a release and not kept in the repository.
 *
 *     node scripts/nats-server-packages.mjs [--out nats-server-packages] [--only linux-x64,darwin-arm64]
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const MODULE = 'github.com/nats-io/nats-server/v2'
/** As Node names them, and as Go does. */
const PLATFORMS = {
  'linux-x64': { goos: 'linux', goarch: 'amd64' },
  'linux-arm64': { goos: 'linux', goarch: 'arm64' },
  'darwin-x64': { goos: 'darwin', goarch: 'amd64' },
  'darwin-arm64': { goos: 'darwin', goarch: 'arm64' },
  'win32-x64': { goos: 'windows', goarch: 'amd64' },
}

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: join(ROOT, 'nats-server-packages') },
    only: { type: 'string', default: Object.keys(PLATFORMS).join() },
  },
})
const out = resolve(values.out)
const wanted = values.only.split(',')
const unknown = wanted.filter((name) => !Object.hasOwn(PLATFORMS, name))
if (unknown.length > 0) fail(`--only: "${unknown.join(', ')}" is not a platform; known are ${Object.keys(PLATFORMS).join(', ')}`)

const { version } = JSON.parse(readFileSync(join(ROOT, 'cli/package.json'), 'utf8'))
/** The version that the cluster of the tests runs. */
const [, natsVersion] =
  /^NATS_VERSION=(\S+)$/m.exec(readFileSync(join(ROOT, 'e2e/cluster/settings.sh'), 'utf8')) ??
  fail('e2e/cluster/settings.sh does not say NATS_VERSION')

const work = mkdtempSync(join(tmpdir(), 'weaver-nats-packages-'))
try {
  // A module of its own, so that `go build` can cross-compile: `go install` refuses GOBIN for another platform.
  run('go', ['mod', 'init', 'weaver.dev/nats-server'])
  run('go', ['get', `${MODULE}@${natsVersion}`])
  const licence = join(run('go', ['list', '-m', '-f', '{{.Dir}}', MODULE]).trim(), 'LICENSE')
  for (const name of wanted) {
    const { goos, goarch } = PLATFORMS[name]
    const [os, cpu] = name.split('-')
    const folder = join(out, name)
    const program = os === 'win32' ? 'nats-server.exe' : 'nats-server'
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(join(folder, 'bin'), { recursive: true })
    run('go', ['build', '-trimpath', '-ldflags', '-s -w', '-o', join(folder, 'bin', program), MODULE], {
      CGO_ENABLED: '0',
      GOOS: goos,
      GOARCH: goarch,
    })
    copyFileSync(licence, join(folder, 'LICENSE'))
    writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest(name, { os, cpu, program }), null, 2)}\n`)
    writeFileSync(join(folder, 'README.md'), readme(name))
    console.log(folder)
  }
} finally {
  rmSync(work, { recursive: true, force: true })
}

function manifest(name, { os, cpu, program }) {
  return {
    name: `@weaver/nats-server-${name}`,
    version,
    description: `nats-server ${natsVersion} for ${name}, which weaver multi starts as its broker.`,
    license: 'Apache-2.0',
    os: [os],
    cpu: [cpu],
    files: [`bin/${program}`],
    preferUnplugged: true,
  }
}

function readme(name) {
  return `# @weaver/nats-server-${name}\n\nnats-server ${natsVersion}, built from ${MODULE} with CGO_ENABLED=0. \`weaver multi deploy\` starts it as its broker.\nIts source and licence (Apache-2.0): https://github.com/nats-io/nats-server\n`
}

function run(command, args, env = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: work, env: { ...process.env, ...env }, encoding: 'utf8' })
  if (error !== undefined) fail(`"${command}" cannot be started: ${error.message}. Go 1.26 is needed: https://go.dev/dl/`)
  if (status !== 0) fail(`\`${command} ${args.join(' ')}\` ended with ${status}:\n${stderr}`)
  return stdout
}

function fail(message) {
  console.error(`nats-server-packages: ${message}`)
  process.exit(1)
}
