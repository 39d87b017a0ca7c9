import type { PlacedVersion } from './version.js'

/** Work for one version that failed in a pass and is retried. */
export interface VersionFailure {
  readonly versionId: string
  readonly message: string
  readonly cause: unknown
}

export function textOf({ versionId, message }: VersionFailure): string {
  return `version "${versionId}": ${message}`
}

/** For the log: the code of the failure is that of its cause. */
export function errorOf(failure: VersionFailure): Error {
  return new Error(textOf(failure), { cause: failure.cause })
}

/**
 * The failure to create an object explains better why a version is not ready than its absence does.
 */
export function blamedFor(version: PlacedVersion, failure: string | undefined): PlacedVersion {
  return failure === undefined || version.observed.ready ? version : { ...version, observed: { ...version.observed, blame: failure } }
}
