import { WeaverError } from '../contract/errors.js'

/**
 * The oldest supported Node, as in `engines` of package.json: the first that loads an ES module by
 * `require` without a flag.
 */
export const OLDEST_NODE = '22.12'

/**
 * @param version of Node, as in `process.versions.node`
 * @throws WeaverError `WEAVER_NODE_TOO_OLD`
 */
export function checkNodeVersion(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE.split('.').map(Number)
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return
  throw new WeaverError(
    'WEAVER_NODE_TOO_OLD',
    `Weaver needs Node ${OLDEST_NODE} or newer, and this process runs on ${version}: run it on Node 24 LTS, https://nodejs.org/`,
  )
}
