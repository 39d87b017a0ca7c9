import { parseGraph, type ComponentGraph } from '@weaver/sdk/contract'
import type { WeaverAppSpec } from '@weaver/crds'
import { operatorError } from '../errors/catalogue.js'

/**
 * Everything a version was made from, written once into its ControllerRevision. A version's objects
 * are always rebuilt from here, never from the current spec, so an old version keeps running
 * unchanged while a new one is rolled out.
 */
export interface VersionSnapshot {
  readonly format: 1
  readonly versionId: string
  /**
   * The spec when the version was created. Fields that change no pod (replicas, rollout) count only
   * where the current spec has no value.
   */
  readonly spec: WeaverAppSpec
  readonly graph: ComponentGraph
  /** What the pods run: `repo@sha256:…`, or the image as written when its digest is unknown. */
  readonly imageReference: string
  /** `sha256:…`; absent when unknown. */
  readonly digest?: string
  /** Why the digest is unknown. */
  readonly whyUnpinned?: string
}

/**
 * Reads the `data` of a ControllerRevision.
 * @throws WeaverError `WEAVER_SNAPSHOT_INVALID`: it was edited by hand or written by a newer
 * release.
 */
export function parseSnapshot(data: unknown): VersionSnapshot {
  const raw = data as Partial<VersionSnapshot> | undefined // fields are checked below before they are trusted
  if (
    raw?.format !== 1 ||
    typeof raw.versionId !== 'string' ||
    typeof raw.imageReference !== 'string' ||
    raw.spec === undefined ||
    raw.graph === undefined
  )
    throw operatorError(
      'WEAVER_SNAPSHOT_INVALID',
      'the ControllerRevision of a version does not hold a snapshot that this release reads; delete it, and the version is made again',
    )
  return { ...(raw as VersionSnapshot), graph: parseGraph(JSON.stringify(raw.graph)) } // the rest was written by us, from a checked spec
}
