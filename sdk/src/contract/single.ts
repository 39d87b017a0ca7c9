import { WeaverError } from './errors.js'

/**
 * What `weaver single deploy` passes to the process that it starts, as JSON, besides
 * `WEAVER_CONFIG`. Versioned like the bootstrap: fields are only ever added, and unknown ones are
 * ignored. The process then logs JSON lines to stderr, which the command reads, and answers on the
 * socket.
 */
export const SINGLE_ENV = 'WEAVER_SINGLE'
/**
 * Path on the control socket that accepts a `ControlRequest` by POST and answers with a
 * `ControlReply`.
 */
export const CONTROL_PATH = '/control'

export interface SingleLaunch {
  readonly version: 1
  readonly deploymentId: string
  /** Path of the Unix socket, or on Windows the named pipe, on which the process listens. */
  readonly controlSocket: string
  /** Descriptor whose other end the command holds: when it closes, the command has ended, and the process stops. @default none, it outlives the command */
  readonly lifelineFd?: number
}

/** The short id shown for a deployment without a version of its own. */
export function shortDeploymentId(deploymentId: string): string {
  return deploymentId.slice(0, 8)
}

/** @throws WeaverError `WEAVER_BOOTSTRAP_INVALID` */
export function parseSingleLaunch(text: string): SingleLaunch {
  let raw: unknown
  try {
    raw = JSON.parse(text)
  } catch {
    raw = undefined // reported below
  }
  const { version, deploymentId, controlSocket, lifelineFd } = (raw ?? {}) as Partial<Record<keyof SingleLaunch, unknown>> // each is checked next
  if (version === 1 && typeof deploymentId === 'string' && deploymentId !== '' && typeof controlSocket === 'string' && controlSocket !== '')
    return { version, deploymentId, controlSocket, ...(typeof lifelineFd === 'number' ? { lifelineFd } : {}) }
  throw new WeaverError(
    'WEAVER_BOOTSTRAP_INVALID',
    `${SINGLE_ENV} is not what this SDK understands: JSON of version 1 with deploymentId and controlSocket. \`weaver single deploy\` sets this variable; use a command and an SDK of the same release.`,
  )
}
