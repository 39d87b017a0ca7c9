/**
 * What commands ask the platform, over its control socket, as JSON; and how they find it, or start
 * it.
 */
import { join } from 'node:path'
import type { Verb } from '@weaver/rollout'
import { reasonOf } from '@weaver/sdk/contract'
import { cliError } from '../../errors/catalogue.js'
import { askDeployment } from '../local/ask-deployment.js'
import { isRunning } from '../local/process-start.js'
import { gkeFolders, type GkeFolders } from './gke-folders.js'
import { readApps, readJson } from './platform-store.js'
import type { PlatformView } from './platform-view.js'
import { lastWords, startService, type Service } from './service.js'

export interface Platform extends Service {
  readonly format: 1
  /** Of the load balancer. */
  readonly port: number
}

export type PlatformVerb = Verb | 'rollback' | 'kill'

export type PlatformRequest =
  | { readonly kind: 'watch'; readonly seen: number }
  /** Its spec and its build are on disk. */
  | { readonly kind: 'deploy'; readonly deploymentId: string }
  /** `version`: of `burn`. `isRehearsal`: only says what would be done. */
  | {
      readonly kind: 'verb'
      readonly app: string
      readonly verb: PlatformVerb
      readonly version?: string
      readonly note?: string
      readonly isRehearsal?: true
    }
  /** Ends everything. */
  | { readonly kind: 'stop' }

export type PlatformReply =
  | { readonly kind: 'watched'; readonly revision: number; readonly view: PlatformView }
  /** `version`: the one that is asked for now. */
  | { readonly kind: 'done'; readonly said: string; readonly version?: string }
  /** What was asked for cannot be, and why. */
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'error'; readonly message: string }

const DEFAULT_PORT = 8000

type Env = Readonly<Record<string, string | undefined>>

export function platformMark({ root }: GkeFolders): string {
  return join(root, 'platform.json')
}

/** Held by the one that runs. */
export function platformLock({ root }: GkeFolders): string {
  return join(root, 'platform.lock')
}

/** What outlives the platform, until `purge`. */
export interface PlatformSettings {
  readonly format: 1
  /** The load balancer's last port. */
  readonly port: number
}

export function platformSettings({ root }: GkeFolders): string {
  return join(root, 'settings.json')
}

/** The one that runs. */
export function findPlatform(folders: GkeFolders): Platform | undefined {
  const found = readJson<Platform>(platformMark(folders))
  return found !== undefined && isRunning(found) ? found : undefined
}

/**
 * The platform: the one that runs, else a new one.
 * @throws WeaverError `WEAVER_CLI_PLATFORM`: it cannot be started; `WEAVER_CLI_USAGE`: it has
 * another port
 */
export async function needPlatform(env: Env, { port }: { readonly port?: number | undefined } = {}): Promise<Platform> {
  const folders = gkeFolders(env)
  const platform = findPlatform(folders) ?? (await startPlatform(env, folders, port))
  if (port !== undefined && port !== platform.port)
    throw cliError('WEAVER_CLI_USAGE', `--port ${port}: the load balancer has port ${platform.port} as long as an application runs; leave the flag out, or end all (\`weaver gke-local purge\`)`) // prettier-ignore
  return platform
}

async function startPlatform(env: Env, folders: GkeFolders, port: number | undefined): Promise<Platform> {
  const given = port ?? readJson<PlatformSettings>(platformSettings(folders))?.port ?? DEFAULT_PORT
  const logFile = join(folders.root, 'platform.log')
  const command = { args: ['platform', '--port', String(given)], env, logFile, lockFile: platformLock(folders) }
  try {
    return await startService(command, () => findPlatform(folders))
  } catch (cause) {
    throw cliError('WEAVER_CLI_PLATFORM', `the platform cannot be started: ${lastWords(reasonOf(cause))} (all of it is in ${logFile})`, {
      cause,
    })
  }
}

/**
 * The platform where applications are: one that has ended is started again, and goes on where it
 * was. `undefined`: there are none.
 */
export async function platformOfApps(env: Env, onStart: (text: string) => void): Promise<Platform | undefined> {
  const folders = gkeFolders(env)
  const running = findPlatform(folders)
  if (running !== undefined || readApps(folders).length === 0) return running
  onStart('the platform had ended; it is started again, and goes on where it was')
  return needPlatform(env)
}

/**
 * @throws WeaverError `WEAVER_CLI_REFUSED` when what is asked for cannot be,
 * `WEAVER_CLI_UNREACHABLE`
 */
export async function askPlatform<K extends PlatformReply['kind']>(
  platform: Platform,
  request: PlatformRequest,
  { expect, timeoutMs, signal }: { readonly expect: K; readonly timeoutMs?: number; readonly signal?: AbortSignal },
): Promise<Extract<PlatformReply, { readonly kind: K }>> {
  const reply = (await askDeployment(platform, {
    request,
    expect: [expect, 'refused'],
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(signal === undefined ? {} : { signal }),
  })) as PlatformReply // the platform is of this release, or its answer has another kind
  if (reply.kind === 'refused') throw cliError('WEAVER_CLI_REFUSED', reply.message)
  return reply as Extract<PlatformReply, { readonly kind: K }> // one of the two
}

/** What there is at this moment. */
export async function viewPlatform(platform: Platform): Promise<PlatformView> {
  return (await askPlatform(platform, { kind: 'watch', seen: -1 }, { expect: 'watched' })).view
}

/**
 * What there is, again and again as it changes, until the signal.
 * @throws as {@link askPlatform}
 */
export async function* watchPlatform(platform: Platform, signal?: AbortSignal): AsyncGenerator<PlatformView> {
  const options = { expect: 'watched', timeoutMs: WATCH_LIMIT_MS, ...(signal === undefined ? {} : { signal }) } as const
  for (let seen = -1; ;) {
    const { revision, view } = await askPlatform(platform, { kind: 'watch', seen }, options)
    if (revision !== seen) yield view
    seen = revision
  }
}

const WATCH_LIMIT_MS = 60_000
