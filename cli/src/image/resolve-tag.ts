import { createHttpClient } from '../http/http-client.js'
import { formatReference, parseReference } from './reference.js'
import { RegistryClient } from './registry-client.js'
import { createCredentialFinder } from './registry-credentials.js'

/**
 * The image by the digest that its tag (default `latest`) names at present; an image with a digest
 * is returned unchanged.
 * @throws WeaverError `WEAVER_CLI_IMAGE_REFERENCE`, `WEAVER_CLI_REGISTRY`
 */
export async function resolveTag(
  image: string,
  options: { readonly env: Readonly<Record<string, string | undefined>>; readonly insecureRegistries?: readonly string[] },
): Promise<string> {
  const given = parseReference(image)
  if (given.digest !== undefined) return image
  const reference = { ...given, tag: given.tag ?? 'latest' }
  const http = createHttpClient(options.env)
  try {
    const client = new RegistryClient({
      http,
      credentials: createCredentialFinder(options.env),
      insecureRegistries: options.insecureRegistries ?? [],
    })
    const { digest } = await client.getManifest(reference)
    return formatReference({ ...reference, digest })
  } finally {
    await http.close()
  }
}
