/**
 * One process: started, heard, ended. The port that an envelope drives, and the process of this
 * machine behind it. It loads nothing but Node: as the door `@weaver/deployer/process` it is also
 * what an agent on another machine starts processes by.
 */
import { spawn } from 'node:child_process'
import type { DeathCause } from './death.js'

export interface ProcessCommand {
  readonly file: string
  readonly args?: readonly string[]
  /** @default that of the deployer */
  readonly cwd?: string
  /** All of its environment; `undefined` is as good as absent. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** `inherit`: it reads what the deployer's terminal sends. @default 'ignore' */
  readonly stdin?: 'inherit' | 'ignore'
  /**
   * In a process group of its own, so that Ctrl-C in the terminal reaches the deployer alone, which
   * stops things in order.
   * @default false
   */
  readonly hasOwnGroup?: boolean
  /**
   * Opens {@link LIFELINE_FD} in it, which closes when the deployer ends, however it does.
   * @default false
   */
  readonly hasLifeline?: boolean
}

export type OutputStream = 'stdout' | 'stderr'

export interface ProcessListener {
  /** It runs. Called before any output of it. */
  onSpawned(pid: number): void
  onOutput(stream: OutputStream, chunk: Uint8Array): void
  /** It has ended and its output is complete. Called once, and last. */
  onEnded(cause: DeathCause): void
}

export interface WeaveletProcess {
  /** Nothing happens when it has ended. */
  kill(signal: NodeJS.Signals): void
}

/**
 * How a weavelet's process is started: on this machine by {@link spawnProcess}, elsewhere by
 * whoever can.
 */
export type StartProcess = (command: ProcessCommand, listener: ProcessListener) => WeaveletProcess

/** The first descriptor after the three standard ones. */
export const LIFELINE_FD = 3

/**
 * How long the output of a process that has ended may stay open: a process that it has started may
 * hold it.
 */
const DRAIN_MS = 1_000

export const spawnProcess: StartProcess = (command, listener) => {
  const child = spawn(command.file, [...(command.args ?? [])], {
    cwd: command.cwd,
    env: command.env,
    detached: command.hasOwnGroup === true,
    stdio: [command.stdin ?? 'ignore', 'pipe', 'pipe', ...(command.hasLifeline === true ? (['pipe'] as const) : [])],
  })
  child.on('spawn', () => listener.onSpawned(child.pid as number)) // it has one as soon as it runs
  // A failed kill or a broken lifeline is an error here, too; whoever has a pid ends by `exit`.
  child.on('error', (error) => {
    if (child.pid === undefined) listener.onEnded({ kind: 'spawn', error })
  })
  const lifeline = child.stdio[LIFELINE_FD]
  lifeline?.on('error', () => undefined) // the other end has gone, which `exit` says
  const streams = { stdout: child.stdout, stderr: child.stderr }
  for (const stream of ['stdout', 'stderr'] as const)
    streams[stream]?.on('data', (chunk: Buffer) => listener.onOutput(stream, chunk)).on('error', () => undefined) // read until it breaks
  child.on('exit', (code, signal) => {
    const cause: DeathCause = signal === null ? { kind: 'exit', code: code ?? 0 } : { kind: 'signal', signal }
    const end = (): void => {
      clearTimeout(timer)
      child.off('close', end)
      for (const stream of [...Object.values(streams), lifeline]) stream?.destroy()
      listener.onEnded(cause)
    }
    const timer = setTimeout(end, DRAIN_MS)
    child.once('close', end)
  })
  return { kill: (signal) => void child.kill(signal) }
}
