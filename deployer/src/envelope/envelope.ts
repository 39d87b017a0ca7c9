/**
 * The deployer's handle on one weavelet: starts its process, hears its lines, knows when it is
 * ready, asks it, restarts it when it dies, stops it. One weavelet is one replica of a group, under
 * one name; its processes follow each other.
 *
 *     starting ──ready──► ready ──death──► waiting ──pause over──► starting …
 *         └─────death───────┴─► ended                   (restart-policy.ts decides which)
 *     any ──stop──► stopping ──death──► ended
 *
 * I1  One process at a time: the next one is started after the one before has ended.
 * I2  A death is told after the last line of its process, and no line after it.
 * I3  A stop is final: nothing is started after it.
 * I4  What the control channel says of a process that has been replaced meanwhile is ignored.
 *
 * restart-policy.ts (what follows a death), death.ts (why it died), weavelet-process.ts (one
 * process, the port).
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { BOOTSTRAP_ENV, MAX_TIMER_MS, type Bootstrap, type LogEntry, type WeaverError, type WeaveletStatus } from '@weaver/sdk/contract'
import type { ControlChannel } from '../control/control-channel.js'
import { deployerError } from '../errors/catalogue.js'
import { captureLines, type LineCapture } from '../logs/log-capture.js'
import { causeText, deathText, LAST_ENTRIES, type Death, type DeathCause } from './death.js'
import { nextStep, type NextStep, type RestartPolicy } from './restart-policy.js'
import {
  LIFELINE_FD,
  spawnProcess,
  type OutputStream,
  type ProcessCommand,
  type StartProcess,
  type WeaveletProcess,
} from './weavelet-process.js'

export type EnvelopeState =
  | { readonly kind: 'starting' }
  | { readonly kind: 'ready'; readonly pid: number; readonly status: WeaveletStatus | undefined }
  | { readonly kind: 'waiting'; readonly death: Death; readonly restartAt: number }
  | { readonly kind: 'stopping' }
  | { readonly kind: 'ended'; readonly end: End }

/** How a weavelet's life was over. */
export interface End {
  /**
   * `stopped`: it was asked to; `failed`: it was never ready; `died`: it was, and its policy has no
   * restart.
   */
  readonly why: 'stopped' | 'failed' | 'died'
  /** Of its last process; `undefined`: there was none. */
  readonly death: Death | undefined
}

export type EnvelopeEvent =
  | { readonly kind: 'spawned'; readonly pid: number }
  /** `status` as the weavelet told it; `undefined` without a control channel. */
  | { readonly kind: 'ready'; readonly pid: number; readonly status: WeaveletStatus | undefined }
  /**
   * `next` is absent when it was being stopped. With `stop-all` the listener stops its deployment.
   */
  | { readonly kind: 'died'; readonly death: Death; readonly next?: NextStep }
  | { readonly kind: 'ended'; readonly end: End }

/**
 * Where the lines of a weavelet go. One object may serve many envelopes: each entry says whose it
 * is.
 */
export interface EnvelopeOutput {
  entry?(entry: LogEntry, stream: OutputStream): void
  /** A line with nothing in it, which is not an entry. */
  blank?(stream: OutputStream): void
  /** Bytes as they come, before their entries. */
  chunk?(chunk: Uint8Array, stream: OutputStream): void
}

export type WeaveletIdentity = Partial<Pick<LogEntry, 'app' | 'version' | 'deploymentId' | 'group' | 'replica'>>

export interface EnvelopeOptions {
  /** In messages. Unique within the deployment. */
  readonly name: string
  readonly command: ProcessCommand
  /**
   * The part that the process plays, which goes into its environment. Absent: it runs the whole
   * application.
   */
  readonly bootstrap?: Bootstrap
  /** Asked until it says that the weavelet is ready. Absent: a process that runs is ready. */
  readonly control?: ControlChannel
  /**
   * What lines are marked with that the process wrote past its logger; a function where that
   * depends on the process.
   * @default as the bootstrap says
   */
  readonly identity?: WeaveletIdentity | ((pid: number) => WeaveletIdentity)
  readonly output?: EnvelopeOutput
  /** @default { kind: 'leave' } */
  readonly restart?: RestartPolicy
  /**
   * How long a process may take until it is ready, in milliseconds; one that takes longer is ended,
   * and that counts as a death.
   * @default 30000
   */
  readonly readyMs?: number
  /**
   * How long a stop may take until the process is killed, in milliseconds.
   * @default what the bootstrap grants the weavelet, and two seconds
   */
  readonly graceMs?: number
  readonly onEvent?: (event: EnvelopeEvent) => void
  /** @default a process of this machine */
  readonly startProcess?: StartProcess
}

const READY_MS = 30_000
/** Between two questions whether it is ready: starts are awaited by people and by tests. */
const POLL_MS = 20
/** As the SDK has it where a bootstrap says nothing. */
const DEFAULT_GRACE_MS = 25_000
/** Beyond what the weavelet is granted: it ends by itself, and says what it cut off. */
const GRACE_MARGIN_MS = 2_000

/** One process, until it has ended. */
interface Run {
  process: WeaveletProcess | undefined
  pid: number | undefined
  readyAt: number | undefined
  /** From when it runs. */
  captures: Readonly<Record<OutputStream, LineCapture>> | undefined
  readonly lastEntries: LogEntry[]
  /** Fires when it is over. */
  readonly over: AbortController
  /** The envelope ended it for this reason; the signal that it died of says less. */
  endedFor: DeathCause | undefined
  killTimer: NodeJS.Timeout | undefined
}

/**
 * Starts a weavelet. It goes on until {@link Envelope.stop}, or until it dies and its policy has no
 * restart.
 */
export function startEnvelope(options: EnvelopeOptions): Envelope {
  return new Envelope(options)
}

export class Envelope {
  readonly name: string
  readonly #options: EnvelopeOptions
  readonly #firstReady: Deferred<WeaveletStatus | undefined> = deferred()
  readonly #over: Deferred<End> = deferred()
  #state: EnvelopeState = { kind: 'starting' }
  #run: Run | undefined
  #failures = 0
  #wasEverReady = false
  #restartTimer: NodeJS.Timeout | undefined

  /** @internal {@link startEnvelope} */
  constructor(options: EnvelopeOptions) {
    this.name = options.name
    this.#options = options
    this.#firstReady.promise.catch(() => undefined) // whoever awaits ready() hears it
    this.#start()
  }

  get state(): EnvelopeState {
    return this.#state
  }

  /** Resolves when its life is over. Never rejects. */
  get ended(): Promise<End> {
    return this.#over.promise
  }

  /** Of the process that runs now. */
  get pid(): number | undefined {
    return this.#run?.pid
  }

  /**
   * Resolves as soon as the weavelet has been ready once.
   * @returns its status; `undefined` without a control channel
   * @throws WeaverError `WEAVER_WEAVELET_FAILED` when its life ends before: the message has the
   * cause and its last lines, `details` the {@link Death}
   */
  ready(): Promise<WeaveletStatus | undefined> {
    return this.#firstReady.promise
  }

  /** Sends a signal to the process that runs now, as it is; {@link stop} is the way to end it. */
  kill(signal: NodeJS.Signals): void {
    this.#run?.process?.kill(signal)
  }

  /**
   * Ends the weavelet: SIGTERM, upon which it drains, and SIGKILL after the grace period.
   * Idempotent; no process is started after it.
   * @returns how it ended; a weavelet that had ended before gives that end
   */
  stop(): Promise<End> {
    switch (this.#state.kind) {
      case 'waiting':
        clearTimeout(this.#restartTimer)
        this.#end({ why: 'stopped', death: this.#state.death })
        break
      case 'starting':
      case 'ready':
        this.#state = { kind: 'stopping' }
        if (this.#run !== undefined) this.#terminate(this.#run)
        break
      case 'stopping':
      case 'ended':
    }
    return this.ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #start(): void {
    this.#state = { kind: 'starting' }
    const run: Run = {
      process: undefined,
      pid: undefined,
      readyAt: undefined,
      lastEntries: [],
      captures: undefined,
      over: new AbortController(),
      endedFor: undefined,
      killTimer: undefined,
    }
    this.#run = run
    const { command, startProcess = spawnProcess } = this.#options
    const { bootstrap } = this.#options
    const told =
      bootstrap === undefined
        ? {}
        : { [BOOTSTRAP_ENV]: JSON.stringify(command.hasLifeline === true ? { ...bootstrap, lifelineFd: LIFELINE_FD } : bootstrap) }
    run.process = startProcess(
      { ...command, env: { ...command.env, ...told } },
      {
        onSpawned: (pid) => this.#onSpawned(run, pid),
        onOutput: (stream, chunk) => {
          this.#options.output?.chunk?.(chunk, stream)
          run.captures?.[stream].write(chunk)
        },
        onEnded: (cause) => this.#onEnded(run, cause),
      },
    )
  }

  #capture({ lastEntries }: Run, stream: OutputStream, of: WeaveletIdentity): LineCapture {
    const { output } = this.#options
    return captureLines({
      stream,
      of,
      onEntry: (entry) => {
        if (lastEntries.push(entry) > LAST_ENTRIES) lastEntries.shift()
        output?.entry?.(entry, stream)
      },
      onBlank: () => output?.blank?.(stream),
    })
  }

  #onSpawned(run: Run, pid: number): void {
    run.pid = pid
    const { bootstrap, identity = bootstrap === undefined ? {} : identityOf(bootstrap) } = this.#options
    const of = typeof identity === 'function' ? identity(pid) : identity
    run.captures = { stdout: this.#capture(run, 'stdout', of), stderr: this.#capture(run, 'stderr', of) }
    this.#tell({ kind: 'spawned', pid })
    const { control } = this.#options
    if (control === undefined) this.#onReady(run, undefined)
    else void this.#awaitReady(run, control)
  }

  async #awaitReady(run: Run, control: ControlChannel): Promise<void> {
    const { readyMs = READY_MS } = this.#options
    const { signal } = run.over
    const late = setTimeout(() => {
      run.endedFor = { kind: 'late', afterMs: readyMs }
      this.#terminate(run)
    }, readyMs)
    try {
      for (;;) {
        // An answer that cannot be read is none: the time limit ends a weavelet that gives no
        // other.
        const reply = await control.ask({ kind: 'status' }, { signal }).catch(() => undefined)
        if (signal.aborted || this.#state.kind !== 'starting') return // I4
        if (reply?.kind === 'status' && reply.ready) return this.#onReady(run, reply)
        await sleep(POLL_MS, undefined, { signal })
      }
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      clearTimeout(late)
    }
  }

  #onReady(run: Run, status: WeaveletStatus | undefined): void {
    if (this.#state.kind !== 'starting' || run.endedFor !== undefined) return
    run.readyAt = performance.now()
    this.#wasEverReady = true
    const pid = run.pid as number // it was spawned
    this.#state = { kind: 'ready', pid, status }
    this.#firstReady.resolve(status)
    this.#tell({ kind: 'ready', pid, status })
  }

  #onEnded(run: Run, cause: DeathCause): void {
    for (const capture of Object.values(run.captures ?? {})) capture.end() // I2
    run.over.abort()
    clearTimeout(run.killTimer)
    this.#run = undefined
    const readyMs = run.readyAt === undefined ? 0 : performance.now() - run.readyAt
    const death: Death = { cause: run.endedFor ?? cause, pid: run.pid, readyMs, lastEntries: run.lastEntries }
    if (this.#state.kind === 'stopping') {
      this.#tell({ kind: 'died', death })
      return this.#end({ why: 'stopped', death })
    }
    const record = { wasEverReady: this.#wasEverReady, readyMs, failures: this.#failures }
    const next = nextStep(this.#options.restart ?? { kind: 'leave' }, record)
    if (next.kind === 'restart') {
      this.#failures = next.failures
      this.#state = { kind: 'waiting', death, restartAt: Date.now() + next.afterMs }
      this.#restartTimer = setTimeout(() => this.#start(), next.afterMs)
      return this.#tell({ kind: 'died', death, next })
    }
    this.#tell({ kind: 'died', death, next })
    this.#end({ why: next.kind === 'fail' ? 'failed' : 'died', death })
  }

  #terminate(run: Run): void {
    const { bootstrap, graceMs = graceOf(bootstrap) } = this.#options
    run.process?.kill('SIGTERM')
    run.killTimer ??= setTimeout(() => run.process?.kill('SIGKILL'), graceMs)
  }

  #end(end: End): void {
    this.#state = { kind: 'ended', end }
    this.#firstReady.reject(failureOf(this.name, end))
    this.#tell({ kind: 'ended', end })
    this.#over.resolve(end)
  }

  #tell(event: EnvelopeEvent): void {
    this.#options.onEvent?.(event)
  }
}

interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: WeaverError): void
}

function deferred<T>(): Deferred<T> {
  let settle!: Omit<Deferred<T>, 'promise'> // the executor runs at once
  const promise = new Promise<T>((resolve, reject) => (settle = { resolve, reject }))
  return { promise, ...settle }
}

/**
 * @returns what was wrong with an end, naming the weavelet; `undefined`: it was stopped, and ended
 * cleanly
 */
export function problemOf(name: string, { why, death }: End): string | undefined {
  if (death === undefined) return undefined
  if (why === 'stopped' && death.cause.kind === 'exit' && death.cause.code === 0) return undefined
  return `"${name}" ${deathText(death)}`
}

function failureOf(name: string, { why, death }: End): WeaverError {
  const what =
    death === undefined || why === 'stopped' ? 'was stopped before it was ready' : `ended before it was ready: it ${deathText(death)}`
  return deployerError('WEAVER_WEAVELET_FAILED', `"${name}" ${what}`, {
    ...(death?.cause.kind === 'spawn' ? { cause: death.cause.error } : {}),
    details: { weavelet: name, ...(death === undefined ? {} : { cause: causeText(death.cause) }) },
  })
}

function graceOf(bootstrap: Bootstrap | undefined): number {
  return Math.min(MAX_TIMER_MS, (bootstrap?.preStopMs ?? 0) + (bootstrap?.shutdownGraceMs ?? DEFAULT_GRACE_MS) + GRACE_MARGIN_MS)
}

function identityOf({ app, versionId, deploymentId, group, replica }: Bootstrap): WeaveletIdentity {
  return { app, version: versionId, deploymentId, group, replica }
}
