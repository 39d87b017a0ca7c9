/** What a pod of this version should run, so that a tag moved later changes nothing. */
export type PinnedImage =
  | { readonly pinned: true; readonly reference: string; readonly digest: string }
  | { readonly pinned: false; readonly reference: string; readonly why: string }

const DIGEST = /^sha256:[0-9a-f]{64}$/

/**
 * Turns what the kubelet ran (`status.containerStatuses[].imageID`) into a reference by digest.
 *
 * `imageID` forms: `registry/app@sha256:…` (containerd, CRI-O), the same after `docker-pullable://`
 * (old dockershim), and a bare `sha256:…` for an image that was imported into the node and is in no
 * registry: it does not name a manifest that another node could pull. A node may also know the
 * content under another repository's name first; whether the user's repository has that manifest is
 * then unknown, so nothing is pinned.
 */
export function pinImage(image: string, imageId: string | undefined): PinnedImage {
  const written = splitDigest(image)
  if (written !== undefined) return { pinned: true, reference: image, digest: written.digest }
  if (imageId === undefined || imageId === '') return { pinned: false, reference: image, why: 'the container runtime reported no image id' }
  const ran = splitDigest(imageId.replace(/^[a-z-]+:\/\//, ''))
  if (ran === undefined) return { pinned: false, reference: image, why: 'the image was imported into the node and is in no registry' }
  const repository = withoutTag(image)
  if (normalise(ran.repository) !== normalise(repository))
    return { pinned: false, reference: image, why: `the node holds the same image as "${ran.repository}", another repository` }
  return { pinned: true, reference: `${repository}@${ran.digest}`, digest: ran.digest }
}

function splitDigest(reference: string): { readonly repository: string; readonly digest: string } | undefined {
  const at = reference.lastIndexOf('@')
  const digest = reference.slice(at + 1)
  return at <= 0 || !DIGEST.test(digest) ? undefined : { repository: withoutTag(reference.slice(0, at)), digest }
}

/** A colon after the last slash starts a tag; one before it is a registry's port. */
function withoutTag(reference: string): string {
  const colon = reference.lastIndexOf(':')
  return colon > reference.lastIndexOf('/') ? reference.slice(0, colon) : reference
}

/** `app` is `docker.io/library/app` to a container runtime. */
function normalise(repository: string): string {
  const [first = '', ...rest] = repository.split('/')
  const hasHost = rest.length > 0 && (first.includes('.') || first.includes(':') || first === 'localhost')
  const path = hasHost ? repository : `docker.io/${repository}`
  return path.replace(/^index\.docker\.io\//, 'docker.io/').replace(/^docker\.io\/([^/]+)$/, 'docker.io/library/$1')
}
