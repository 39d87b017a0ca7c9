/** `[gke.affinity]` as the load balancer has it. */
import type { Affinity } from '@weaver/proxy'
import type { AffinitySection } from '../../config/affinity-schema.js'
import type { TomlPath } from '../../config/toml-positions.js'

const DEFAULT_MAX_AGE_MS = 86_400_000

export interface AffinityReader {
  readonly report: (key: TomlPath, message: string, hint: string) => void
  readonly duration: (text: string | undefined, key: TomlPath) => number | undefined
}

export function affinityOf(given: AffinitySection, { report, duration }: AffinityReader): Affinity {
  const at = ['gke', 'affinity']
  const { mode = 'monotone', key, carriers, max_age: maxAge } = given
  const { header, cookie } = key ?? {}
  if (key !== undefined && (header === undefined) === (cookie === undefined))
    report([...at, 'key'], header === undefined ? 'is empty' : 'names a header and a cookie', 'give either header or cookie')
  for (const [name, value] of Object.entries(key ?? {}))
    if (value !== undefined && !/^[\w-]{1,100}$/.test(value))
      report([...at, 'key', name], `"${value}" is no name of a ${name}`, 'use letters, digits, "-" and "_"')
  if (mode === 'newSessionsOnly' && carriers?.includes('cookie') === false)
    report([...at, 'carriers'], 'leave out cookie, in which newSessionsOnly keeps the version', 'add cookie')
  const maxAgeMs = duration(maxAge, [...at, 'max_age']) ?? DEFAULT_MAX_AGE_MS
  if (maxAgeMs < 1_000)
    report([...at, 'max_age'], 'is less than a second', 'leave affinity out to choose the version of each request by itself')
  return {
    mode,
    ...(key === undefined ? {} : { key: header === undefined ? { cookie: cookie ?? '' } : { header } }),
    ...(carriers === undefined ? {} : { carriers }),
    maxAgeSeconds: Math.round(maxAgeMs / 1_000),
  }
}
