/** Machines that are reached by ssh, as what a deployment runs on. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { natsServerCommand, natsServerConfig, natsUrlOf, startNatsServer, type StartProcess } from '@weaver/deployer'
import { BOOTSTRAP_ENV, reasonOf, type Bootstrap } from '@weaver/sdk/contract'
import { cliError } from '../../errors/catalogue.js'
import { newAccount, sharedBroker } from '../local/deployment-broker.js'
import type { MachineView } from '../local/deployment-view.js'
import type { BrokerOf, DeploymentBroker, ProcessSite } from '../local/process-site.js'
import type { RemoteCommand } from './agent/messages.js'
import { Machine, type MachineOptions } from './machine.js'
import { placeOn, type Placed } from './placement.js'
import type { Location } from './ssh-plan.js'

export interface SshSiteOptions extends Omit<MachineOptions, 'host' | 'address'> {
  readonly deploymentId: string
  readonly locations: readonly Location[]
  readonly natsUrl: string | undefined
  /** For files of the broker, on this machine. */
  readonly folder: string
  /** How a process is started in the folder of the package there. */
  readonly command: readonly string[]
  readonly appEnv: Readonly<Record<string, string>>
}

const CONFIG_FILE = 'nats.json'
const CERTIFICATE_FILE = 'broker.pem'
const KEY_FILE = 'broker.key'
const BROKER = 'broker'
/** Below those that systems give to clients. */
const PORTS = [20_000, 30_000] as const
const ATTEMPTS = 3

export class SshSite implements ProcessSite {
  readonly #options: SshSiteOptions
  readonly #machines: readonly Machine[]
  /** By replica, and of the broker. */
  readonly #placed = new Map<string, Placed>()

  constructor(options: SshSiteOptions) {
    this.#options = options
    this.#machines = options.locations.map((location) => new Machine({ ...options, ...location }))
  }

  get machines(): readonly MachineView[] {
    return this.#machines.map(({ view }) => view)
  }

  machineOf(replica: string): string | undefined {
    return this.#placed.get(replica)?.machine
  }

  async open(): Promise<void> {
    const opened = await Promise.allSettled(this.#machines.map((machine) => this.#open(machine)))
    const problems = opened.flatMap((one, i) => (one.status === 'rejected' ? [`${this.#machines[i]?.name}: ${reasonOf(one.reason)}`] : []))
    if (problems.length > 0) throw cliError('WEAVER_CLI_MACHINE', `these machines cannot be used:\n${problems.join('\n')}`)
  }

  async #open(machine: Machine): Promise<void> {
    await machine.open()
    const { instance } = machine
    const same = this.#machines.find((one) => one !== machine && instance !== undefined && one.instance === instance)
    if (same !== undefined) throw new Error(`it is the same machine as "${same.name}"; name it once in [ssh] locations`)
  }

  async startBroker(of: BrokerOf): Promise<DeploymentBroker> {
    const { natsUrl, folder, deploymentId } = this.#options
    if (natsUrl !== undefined) return sharedBroker(natsUrl)
    const { newBrokerCertificate } = await import('./broker-certificate.js') // of no use to other commands
    const hosts = this.#machines.flatMap(({ address }) => address ?? [])
    const { certificate, key } = await newBrokerCertificate(hosts)
    const account = newAccount(of)
    const caFile = join(folder, `${deploymentId}.pem`)
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    writeFileSync(caFile, certificate, { mode: 0o600 })
    for (const machine of this.#machines) machine.write(CERTIFICATE_FILE, certificate)
    for (let attempt = 1; ; attempt++) {
      const port = randomInt(...PORTS)
      const onMachine = this.#starter(BROKER, BROKER, (machine) => {
        const tls = { cert_file: CERTIFICATE_FILE, key_file: KEY_FILE }
        machine.write(KEY_FILE, key)
        machine.write(CONFIG_FILE, natsServerConfig({ port, accounts: [account], host: machine.address ?? '', tls, clientLostS: 4 }))
        const { file, args = [] } = natsServerCommand(machine.there.nats ?? '', ['-c', CONFIG_FILE], {})
        return { file, args, env: {} }
      })
      try {
        const server = await startNatsServer({ file: BROKER, env: {} }, { onEvent: of.onEvent, startProcess: onMachine })
        const at = (group?: string): readonly string[] => hosts.map((host) => natsUrlOf({ host, port }, account, group))
        return {
          natsOf: (group) => ({ servers: at(group), tls: { caFile: group === undefined ? caFile : CERTIFICATE_FILE } }),
          get shown() {
            return `tls://${hosts.join(',')}:${port}`
          },
          process: undefined,
          async close() {
            await server.stop()
            rmSync(caFile, { force: true })
          },
        }
      } catch (cause) {
        const why = reasonOf(cause)
        if (attempt < ATTEMPTS && why.includes('address already in use')) continue
        rmSync(caFile, { force: true })
        throw cliError('WEAVER_CLI_NATS', `the broker cannot be started: ${why}`, { cause })
      }
    }
  }

  starterOf(replica: string, group: string): StartProcess {
    const { command, appEnv } = this.#options
    return (given, listener) =>
      this.#starter(replica, group, (machine) => {
        const { node, app, folder } = machine.there
        const [first = '', ...args] = command.map((part) => part.replace(APP, app))
        const told = JSON.parse(given.env[BOOTSTRAP_ENV] ?? '{}') as Bootstrap // as the envelope has written it
        return {
          file: first === 'node' ? node : first,
          args,
          cwd: app,
          env: { ...appEnv, [BOOTSTRAP_ENV]: JSON.stringify(this.#onMachine(told, machine)), NODE_COMPILE_CACHE: `${folder}/compiled` },
        }
      })(given, listener)
  }

  async close(): Promise<void> {
    await Promise.all(this.#machines.map((machine) => machine.close()))
  }

  /** Listeners are reached from other machines; files have their paths there. */
  #onMachine(told: Bootstrap, { address = '', there }: Machine): Bootstrap {
    const host = address.includes(':') ? `[${address}]` : address
    const { nats } = told
    const caFile = `${there.run}/${CERTIFICATE_FILE}`
    return {
      ...told,
      listeners: Object.fromEntries(Object.keys(told.listeners).map((name) => [name, { address: `${host}:0` }])),
      ...(nats?.tls?.caFile === CERTIFICATE_FILE ? { nats: { ...nats, tls: { caFile } } } : {}),
    }
  }

  #starter(name: string, group: string, commandOn: (machine: Machine) => RemoteCommand): StartProcess {
    return (_given, listener) => {
      const able = this.#machines.filter(({ canTake }) => canTake)
      const chosen = placeOn(able.map((machine) => machine.name), [...this.#placed.values()], group) // prettier-ignore
      const machine = able.find((one) => one.name === chosen)
      if (machine === undefined) {
        const error = new Error('no machine is connected')
        setImmediate(() => listener.onEnded({ kind: 'spawn', error }))
        return { kill: () => undefined }
      }
      this.#placed.set(name, { machine: machine.name, group })
      return machine.start(commandOn(machine), {
        ...listener,
        onEnded: (cause) => {
          this.#placed.delete(name)
          listener.onEnded(cause)
        },
      })
    }
  }
}

/** Stands for the folder of the package, in a command. */
export const APP = '\0app'
