/**
 * The context of calls and the registered error classes are module state. A second copy of the SDK
 * in the process has its own, which nothing reads: in it `context()` is empty, and `withContext()`
 * and `registerError()` have no effect. So each copy announces itself, and the application does not
 * start.
 */
import { WeaverError } from '../contract/errors.js'
import { callSite } from './call-site.js'

interface Copies {
  /**
   * `file:line` of each copy. A copy that is loaded again, as test runners do, has the same one.
   */
  readonly sites: Set<string>
  isRunning: boolean
}

// The copies agree on it, so its shape never changes.
const SLOT = Symbol.for('weaver.sdk.copies')
const holder = globalThis as { [SLOT]?: Copies }

/**
 * Announces this copy, identified by the calling line, to other copies.
 * @throws WeaverError `WEAVER_SDK_TWICE` when the application already runs with another copy
 */
export function announceCopy(): void {
  const copies = (holder[SLOT] ??= { sites: new Set(), isRunning: false })
  copies.sites.add(callSite(announceCopy)?.replace(/\?.*(?=:\d+$)/, '') ?? 'a copy without a path')
  if (copies.isRunning) refuseCopies(copies)
}

/** Call it before the application starts. @throws WeaverError `WEAVER_SDK_TWICE` */
export function checkOneCopy(): void {
  const copies = holder[SLOT]
  if (copies === undefined) return
  refuseCopies(copies)
  copies.isRunning = true
}

function refuseCopies({ sites }: Copies): void {
  if (sites.size < 2) return
  const copies = [...sites].map(folderOf).sort()
  throw new WeaverError(
    'WEAVER_SDK_TWICE',
    `this process has ${copies.length} copies of @weaver/sdk: ${copies.join(' and ')}. Contexts and registered errors of one are unknown to the other; install one version (\`npm ls @weaver/sdk\`, \`npm dedupe\`)`,
    { details: { copies } },
  )
}

/** The folder of the package; for a bundle its file and line. */
function folderOf(site: string): string {
  return site.replace(/[\\/](?:dist|src)[\\/]context[\\/][^\\/]+$/, '')
}
