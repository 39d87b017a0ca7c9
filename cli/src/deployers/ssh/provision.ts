/**
 * What a machine has, and gets: Node and nats-server where it lacks them, the agent, the build. All
 * of it lies in one folder of the user's cache there, each thing under a name that says what is in
 * it, so that what is there is never sent again. A thing has its name only when it is complete.
 */
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { createGzip } from 'node:zlib'
import type { Readable } from 'node:stream'
import { findNatsServer } from '../local/find-nats-server.js'
import type { Layer } from '../../image/layer.js'
import type { SshConnection } from './open-ssh.js'

/** Of a machine, in a shell there: machines that share a home have folders of deployments of their own. */
export const MACHINE_NAME = '$(uname -n | tr -cd A-Za-z0-9.-)'

/** Says what a machine has. */
export const PROBE = `umask 077
d="\${XDG_CACHE_HOME:-$HOME/.cache}/weaver/ssh"
mkdir -p "$d" && cd "$d" || exit 1
echo "weaver-folder $(pwd -P)"
echo "weaver-system $(uname -s) $(uname -m)"
echo "weaver-name ${MACHINE_NAME}"
echo "weaver-connection $SSH_CONNECTION"
n=$(command -v node) && echo "weaver-node $("$n" -p process.versions.node) $n"
s=$(command -v nats-server) && echo "weaver-nats $s"
for f in *; do echo "weaver-has $f"; done`

interface ProbedMachine {
  readonly folder: string
  readonly name: string
  /** As Node names them. */
  readonly os: string
  readonly cpu: string
  /** Of its network, by which this connection has reached it. */
  readonly address: string
  readonly node: { readonly version: string; readonly path: string } | undefined
  readonly nats: string | undefined
  readonly has: ReadonlySet<string>
}

const CPUS: Readonly<Record<string, string>> = { x86_64: 'x64', amd64: 'x64', aarch64: 'arm64' }

/** @throws Error: what it printed is not what the probe prints */
function parseProbe(lines: readonly string[]): ProbedMachine {
  const of = (key: string): string | undefined => lines.find((line) => line.startsWith(`weaver-${key} `))?.slice(key.length + 8)
  const folder = of('folder')
  const [system = '', machine = ''] = of('system')?.split(' ') ?? []
  const address = of('connection')?.split(' ')[2]
  if (folder === undefined || address === undefined) throw new Error('it has no POSIX shell, or no folder for caches that can be written')
  const [version, ...path] = of('node')?.split(' ') ?? []
  return {
    folder,
    name: of('name') ?? '',
    os: system.toLowerCase(),
    cpu: CPUS[machine] ?? machine,
    address,
    node: version === undefined ? undefined : { version, path: path.join(' ') },
    nats: of('nats'),
    has: new Set(lines.flatMap((line) => (line.startsWith('weaver-has ') ? [line.slice(11)] : []))),
  }
}

export interface Build {
  readonly dependencies: Layer | undefined
  readonly others: readonly Layer[]
}

export interface Provisions {
  readonly agent: Layer
  readonly build: Build
  readonly needsBroker: boolean
  readonly deploymentId: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
}

/** Absolute paths on a machine. */
export interface Provisioned {
  readonly address: string
  readonly node: string
  readonly nats: string | undefined
  readonly agent: string
  /** Of the package. */
  readonly app: string
  readonly folder: string
  /** Of the deployment there, and of this machine alone. */
  readonly run: string
}

const MIN_NODE = [22, 12] as const

/** @param onSent of what was sent, a word for people @throws Error */
export async function provision(ssh: SshConnection, given: Provisions, onSent: (what: string) => void): Promise<Provisioned> {
  const machine = parseProbe(ssh.greeting)
  const { folder, has } = machine
  const put = async (what: string, script: string, input: Readable): Promise<void> => {
    await ssh.run(`umask 077\nset -e\ncd "${folder}"\n${script}`, input)
    onSent(what)
  }
  // What does not arrive as a whole leaves nothing.
  const tmp = (how: string): string => `t=$(mktemp ${how}tmp-XXXXXX)\ntrap "rm -rf $t" EXIT\ntrap "exit 1" HUP INT TERM`
  const program = async (what: string, name: string, file: string): Promise<string> => {
    const arrive = `${tmp('')}\ngzip -dc >"$t"\nchmod 700 "$t"\n"./$t" --version >/dev/null\nmv "$t" "${name}"`
    if (!has.has(name)) await put(what, arrive, createReadStream(file).pipe(createGzip({ level: 1 })))
    return `${folder}/${name}`
  }
  const layer = async ({ name, digest, file }: Layer): Promise<string> => {
    const path = `layer-${digest.replace('sha256:', '')}`
    const unpack = `${tmp('-d ')}\ntar -xzf - -C "$t"\n[ -d "${path}" ] || mv "$t" "${path}"`
    if (!has.has(path)) await put(name, unpack, createReadStream(file))
    return path
  }
  const node = isNewEnough(machine.node?.version)
    ? (machine.node?.path ?? '')
    : await program('Node', `node-${process.version}-${process.platform}-${process.arch}`, nodeFor(machine))
  const agent = await layer(given.agent)
  const { dependencies, others } = given.build
  const packages = dependencies === undefined ? undefined : await layer(dependencies)
  const parts: string[] = []
  for (const one of others) parts.push(await layer(one))
  const build = `build-${createHash('sha256')
    .update([packages, ...parts].join())
    .digest('hex')}`
  if (!has.has(build)) {
    const copies = parts.map((part) => `cp -R "${part}/." "$t/"`).join('\n')
    const link = packages === undefined ? ':' : `ln -s "${folder}/${packages}/app/node_modules" "$t/app/node_modules"`
    await ssh.run(`umask 077\nset -e\ncd "${folder}"\n${tmp('-d ')}\n${copies}\n${link}\n[ -d "${build}" ] || mv "$t" "${build}"`)
  }
  return {
    folder,
    run: `${folder}/run/${given.deploymentId}@${machine.name}`,
    address: machine.address,
    node,
    nats: given.needsBroker ? (machine.nats ?? (await natsServer())) : undefined,
    agent: `${folder}/${agent}`,
    app: `${folder}/${build}/app`,
  }

  async function natsServer(): Promise<string> {
    const { os, cpu } = machine
    const isOurs = os === process.platform && cpu === process.arch
    const found = findNatsServer({ env: isOurs ? given.env : {}, cwd: given.cwd, platform: { os, cpu } })
    if (found.kind !== 'program') throw new Error('no nats-server was found') // no URL was given
    const digest = createHash('sha256')
      .update(await readFile(found.path))
      .digest('hex')
    return program('nats-server', `nats-server-${digest}`, found.path)
  }
}

function isNewEnough(version: string | undefined): boolean {
  const [major = 0, minor = 0] = version?.split('.').map(Number) ?? []
  return major > MIN_NODE[0] || (major === MIN_NODE[0] && minor >= MIN_NODE[1])
}

function nodeFor({ os, cpu, node }: ProbedMachine): string {
  if (os === process.platform && cpu === process.arch) return process.execPath
  throw new Error(
    `it has ${node === undefined ? 'no "node" on the PATH of its shell' : `Node ${node.version}`}, and that of this machine (${process.platform}-${process.arch}) does not run on ${os}-${cpu}; install Node ${MIN_NODE.join('.')} or newer there`,
  )
}
