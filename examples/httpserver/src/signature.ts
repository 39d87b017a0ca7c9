import { deployment } from '@weaver/sdk'
import { RELEASE } from './release.js'

/** Who answered: the release that was built, and the deployment that runs it. */
export interface Signature {
  release: string
  version: string
  replica: string
}

export function sign(): Signature {
  const { versionId, replica } = deployment()
  return { release: RELEASE, version: versionId, replica }
}
