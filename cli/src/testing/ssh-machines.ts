/**
 * Machines for `weaver ssh`: each a network namespace with an sshd, on one bridge with the namespace
 * of the command. They share the disk; each has a folder for caches of its own. Nothing of it
 * outlives its processes, and nothing of it touches the network of this machine.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** What a machine must have, and all that a bare one here has. */
const PROGRAMS = 'sh uname tr mkdir rm rmdir mv cp ln ls cat chmod mktemp tar gzip seq sleep kill'.split(' ')
const SSHD = '/usr/sbin/sshd'
const NETWORK = '10.99.0.'
const LOOK_MS = 20

export interface SshMachine {
  readonly name: string
  readonly address: string
  /** For caches there. */
  readonly cache: string
  /** Also such as have lost their parents. */
  processes(): readonly number[]
  /** Nothing gets to it any more, nor from it, and nobody is told. */
  cut(): void
  heal(): void
  /** All of its processes end at once; sshd begins again. */
  reboot(): Promise<void>
}

export interface SshMachines {
  readonly folder: string
  readonly machines: readonly SshMachine[]
  /** Of a command that is to reach them. */
  readonly env: Readonly<Record<string, string>>
  /** Starts a process that reaches them. */
  spawn(file: string, args: readonly string[], cwd: string): ChildProcess
  close(): Promise<void>
}

/**
 * @param programs names of the machines, with the programs that each has beyond those that it must have
 * @throws Error where this machine cannot have them
 */
export async function startSshMachines(programs: Readonly<Record<string, readonly string[]>>): Promise<SshMachines> {
  mustHaveAll()
  const folder = mkdtempSync(join(tmpdir(), 'weaver-ssh-'))
  const holders = new Map<string, ChildProcess>()
  const sshds = new Map<string, ChildProcess>()
  const networkOf = (name: string): string => `/proc/${holders.get(name)?.pid}/ns/net`
  const ip = (name: string, line: string): void => {
    execFileSync('nsenter', [`--net=${networkOf(name)}`, 'ip', ...line.split(' ')], { stdio: ['ignore', 'ignore', 'inherit'] })
  }
  const hold = async (name: string): Promise<void> => {
    holders.set(name, spawn('unshare', ['--net', 'sleep', 'infinity'], { stdio: 'ignore' }))
    const own = readlinkSync('/proc/self/ns/net')
    while (networkIn(networkOf(name)) === own || networkIn(networkOf(name)) === undefined) await sleep(LOOK_MS)
    ip(name, 'link set lo up')
  }
  const close = async (): Promise<void> => {
    const all = [...holders.keys()].flatMap((name) => processesIn(networkIn(networkOf(name))))
    const exits = [...holders.values(), ...sshds.values()].map((child) => (hasExited(child) ? undefined : once(child, 'exit')))
    for (const pid of all) kill(pid, 'SIGKILL')
    await Promise.all(exits)
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await hold(HUB)
    for (const line of ['link add br0 type bridge', `addr add ${NETWORK}1/24 dev br0`, 'link set br0 up']) ip(HUB, line)
    for (const key of ['host', 'user', 'other']) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, key)])
    writeFileSync(join(folder, 'authorized'), readFileSync(join(folder, 'user.pub')), { mode: 0o600 })
    mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
    const startSshd = (name: string): void => {
      // Without the re-execution that some sandboxes break.
      const args = [`--net=${networkOf(name)}`, SSHD, '-D', '-r', '-f', join(folder, name, 'sshd_config')]
      sshds.set(name, spawn('nsenter', args, { stdio: 'ignore' }))
    }
    const machines: SshMachine[] = []
    for (const [i, [name, own]] of Object.entries(programs).entries()) {
      const [address, cache] = [`${NETWORK}${i + 11}`, join(folder, name, 'cache')]
      const path = join(folder, name, 'programs')
      for (const made of [cache, path]) mkdirSync(made, { recursive: true })
      for (const program of [...PROGRAMS.map(whereIs), ...own]) symlinkSync(program, join(path, basename(program)))
      writeFileSync(
        join(folder, name, 'sshd_config'),
        `ListenAddress ${address}\nHostKey ${folder}/host\nPidFile none\nAuthorizedKeysFile ${folder}/authorized\nPasswordAuthentication no\nPermitRootLogin yes\nStrictModes no\nUsePAM no\nSetEnv XDG_CACHE_HOME=${cache} PATH=${path}\n`,
      )
      await hold(name)
      const pid = holders.get(name)?.pid
      ip(HUB, `link add ${name} type veth peer name eth0 netns ${pid}`)
      for (const line of [`link set ${name} master br0`, `link set ${name} up`]) ip(HUB, line)
      for (const line of [`addr add ${address}/24 dev eth0`, 'link set eth0 up']) ip(name, line)
      startSshd(name)
      const processes = (): readonly number[] =>
        processesIn(networkIn(networkOf(name))).filter((one) => one !== pid && one !== sshds.get(name)?.pid)
      machines.push({
        name,
        address,
        cache,
        processes,
        cut: () => ip(HUB, `link set ${name} down`),
        heal: () => ip(HUB, `link set ${name} up`),
        async reboot() {
          const sshd = sshds.get(name)
          const exit = sshd === undefined ? undefined : once(sshd, 'exit')
          sshd?.kill('SIGKILL')
          for (const one of processes()) kill(one, 'SIGKILL')
          await exit
          startSshd(name)
        },
      })
    }
    writeSshConfig(folder, machines)
    const env = {
      XDG_STATE_HOME: join(folder, 'state'),
      XDG_CACHE_HOME: join(folder, 'own-cache'),
      PATH: `${folder}/bin:${process.env['PATH'] ?? ''}`,
      HOME: folder,
      TMPDIR: folder,
    }
    return {
      folder,
      machines,
      close,
      env,
      spawn(file, args, cwd) {
        return spawn('nsenter', [`--net=${networkOf(HUB)}`, file, ...args], { cwd, env })
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}

const HUB = 'hub'

/** Beside the machines there are two names for the first: `changed`, which has another key, and `unknown`, which has none. */
function writeSshConfig(folder: string, machines: readonly SshMachine[]): void {
  const keyOf = (name: string): string =>
    readFileSync(join(folder, `${name}.pub`), 'utf8')
      .split(' ')
      .slice(0, 2)
      .join(' ')
  const lines = (key: string): string => machines.map(({ address }) => `${address} ${keyOf(key)}\n`).join('')
  for (const [file, text] of Object.entries({ known: lines('host'), changed: lines('other'), unknown: '' })) writeFileSync(join(folder, file), text) // prettier-ignore
  const entry = (name: string, address: string, known: string): string =>
    `Host ${name}\nHostName ${address}\nUser root\nIdentityFile ${folder}/user\nUserKnownHostsFile ${folder}/${known}\nGlobalKnownHostsFile /dev/null\n`
  const [{ address = '' } = {}] = machines
  const all = [
    ...machines.map((one) => entry(one.name, one.address, 'known')),
    entry('changed', address, 'changed'),
    entry('unknown', address, 'unknown'),
  ]
  writeFileSync(join(folder, 'config'), all.join(''))
  mkdirSync(join(folder, 'bin'))
  // The configuration of a user is at home, wherever HOME points.
  writeFileSync(join(folder, 'bin', 'ssh'), `#!/bin/sh\nexec ${whereIs('ssh')} -F ${folder}/config "$@"\n`, { mode: 0o755 })
}

function mustHaveAll(): void {
  const missing = ['ip', 'nsenter', 'unshare', 'ssh', 'ssh-keygen'].filter((program) => find(program) === undefined)
  if (!existsSync(SSHD)) missing.push(SSHD)
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || missing.length > 0)
    throw new Error(
      `machines with sshd need Linux, root, and ip, nsenter, unshare, ssh and sshd (scripts/install-tools.sh); this is ${process.platform}, user ${process.getuid?.()}${missing.length === 0 ? '' : `, without ${missing.join(', ')}`}`,
    )
}

function find(program: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin']
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path))
}

function whereIs(program: string): string {
  const found = find(program)
  if (found === undefined) throw new Error(`no program "${program}"`)
  return found
}

function networkIn(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined // it has ended meanwhile
  }
}

function processesIn(network: string | undefined): readonly number[] {
  if (network === undefined) return []
  return readdirSync('/proc').flatMap((entry) =>
    /^\d+$/.test(entry) && networkIn(`/proc/${entry}/ns/net`) === network ? Number(entry) : [],
  )
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // it has ended meanwhile
  }
}

function hasExited({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}
