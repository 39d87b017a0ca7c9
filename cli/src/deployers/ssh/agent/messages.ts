/**
 * What a deployer and its agent on a machine say to each other: JSON lines, over whichever
 * connection there is at the moment. What must not be lost has a number and is said again after a
 * reconnect, until it is acknowledged (outbox.ts).
 *
 * The agent runs things on a lease, on its own clock: each of its signs of life has a time, a ping
 * returns the last one that the deployer has heard, and the lease ends `leaseMs` after that. A ping
 * that was under way for long so extends nothing, and a deployer that has heard nothing for longer
 * knows that nothing runs there any more.
 */
import type { OutputStream } from '@weaver/deployer/process'

export interface RemoteCommand {
  readonly file: string
  readonly args: readonly string[]
  /** @default the folder of the deployment */
  readonly cwd?: string
  /** In addition to that of the agent. */
  readonly env: Readonly<Record<string, string>>
}

export type Order =
  | { readonly kind: 'spawn'; readonly id: number; readonly command: RemoteCommand }
  | { readonly kind: 'kill'; readonly id: number; readonly signal: NodeJS.Signals }
  /** Readable by this user alone. */
  | { readonly kind: 'file'; readonly name: string; readonly text: string }
  /** Everything ends, the agent last. */
  | { readonly kind: 'end' }

export type RemoteCause =
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals }
  | { readonly kind: 'spawn'; readonly message: string; readonly code?: string }

export type Report =
  | { readonly kind: 'spawned'; readonly id: number; readonly pid: number }
  /** Base64. */
  | { readonly kind: 'output'; readonly id: number; readonly stream: OutputStream; readonly data: string }
  | { readonly kind: 'ended'; readonly id: number; readonly cause: RemoteCause }

/** The last number that has arrived is acknowledged by `seen`. */
export type ToAgent =
  /** The first on each connection. */
  | { readonly frame: 'begin'; readonly seen: number }
  | { readonly frame: 'ping'; readonly heard: number; readonly seen: number }
  | { readonly frame: 'order'; readonly seq: number; readonly message: Order }

export type FromAgent =
  /** The first on each connection. Another `instance`: another agent, and nothing of the one before runs. */
  | { readonly frame: 'hello'; readonly instance: string; readonly seen: number; readonly now: number }
  /** `dropped`: output that nobody fetched in time since it began, in bytes of Base64. */
  | { readonly frame: 'pong'; readonly now: number; readonly seen: number; readonly dropped: number }
  /** Only after `begin`: what the other side has not seen comes first. */
  | { readonly frame: 'report'; readonly seq: number; readonly message: Report }
  /** The last: it ends, and has killed what it ran. */
  | { readonly frame: 'bye'; readonly why: string }
