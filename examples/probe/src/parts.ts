import { setTimeout as sleep } from 'node:timers/promises'
import { component, config, deployment, implement, logger, ref, type Hooks, type Lease } from '@weaver/sdk'
import { z } from 'zod'

/** Who answered. */
export interface Identity {
  component: string
  pid: number
  deploymentId: string
  versionId: string
  replica: string
  /** Of its configuration. */
  mark: string
  /** When its `init()` ran, milliseconds since 1970. */
  startedAt: number
}

/** What each part of the probe is told. */
export const PART_CONFIG = z.strictObject({ mark: z.string().default('none'), failInit: z.string().optional() })

export function identity(component: string, { mark }: z.output<typeof PART_CONFIG>, startedAt: number): Identity {
  const { deploymentId, versionId, replica } = deployment()
  return { component, pid: process.pid, deploymentId, versionId, replica, mark, startedAt }
}

export interface Back {
  who(): Promise<Identity>
  /** Ends its process, without a word. */
  die(): Promise<void>
  slow(ms: number): Promise<Identity>
  say(text: string): Promise<void>
}
export const Back = component<Back>('probe/Back', { notRetriable: ['die'], timeoutMs: { who: 10_000 } })

class BackImpl implements Back, Hooks {
  readonly options = config(PART_CONFIG)
  readonly log = logger()
  startedAt = 0

  init(): void {
    if (this.options.failInit !== undefined) throw new Error(this.options.failInit)
    this.startedAt = Date.now()
    this.log.info('probe started', { pid: process.pid })
  }

  shutdown(): void {
    this.log.info('probe stopped', { pid: process.pid })
  }

  async who(): Promise<Identity> {
    return identity('probe/Back', this.options, this.startedAt)
  }

  async die(): Promise<void> {
    process.kill(process.pid, 'SIGKILL')
    await sleep(60_000) // no answer gets out before it is dead
  }

  async slow(ms: number): Promise<Identity> {
    await sleep(ms)
    return this.who()
  }

  async say(text: string): Promise<void> {
    this.log.warn('probe says', { text, number: 7 })
  }
}
export const backImpl = implement(Back, BackImpl)

export interface Middle {
  who(): Promise<Identity>
  /** Who answered for Back when this one called it from `init()`. */
  metAtStart(): Promise<Identity>
  back(): Promise<Identity>
}
export const Middle = component<Middle>('probe/Middle')

class MiddleImpl implements Middle, Hooks {
  readonly rear = ref(Back)
  readonly options = config(PART_CONFIG)
  readonly log = logger()
  startedAt = 0
  met: Identity | undefined

  async init(): Promise<void> {
    this.met = await this.rear.who()
    this.startedAt = Date.now()
    this.log.info('probe started', { pid: process.pid })
  }

  shutdown(): void {
    this.log.info('probe stopped', { pid: process.pid })
  }

  async who(): Promise<Identity> {
    return identity('probe/Middle', this.options, this.startedAt)
  }

  async metAtStart(): Promise<Identity> {
    if (this.met === undefined) throw new Error('a call came before init() was done')
    return this.met
  }

  back(): Promise<Identity> {
    return this.rear.who()
  }
}
export const middleImpl = implement(Middle, MiddleImpl)

/** Who has a key, and whether it leads. */
export interface Keeper {
  replica: string
  pid: number
  leads: boolean
}

export interface Store {
  keep(key: string): Promise<Keeper>
}
/** Needs of a deployer what Back and Middle do not: who has which keys, and who leads. */
export const Store = component<Store>('probe/Store', { router: { keep: (key) => key }, leader: 'version' })

class StoreImpl implements Store, Hooks {
  leads = false

  async lead({ signal }: Lease): Promise<void> {
    this.leads = true
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
    this.leads = false
  }

  async keep(): Promise<Keeper> {
    return { replica: deployment().replica, pid: process.pid, leads: this.leads }
  }
}
export const storeImpl = implement(Store, StoreImpl)
