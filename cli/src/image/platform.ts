import { cliError } from '../errors/catalogue.js'

/**
 * An image as described by its index: the OCI fields, and any others (`os.version`, `os.features`).
 */
export interface Platform {
  readonly os: string
  readonly architecture: string
  readonly variant?: string | undefined
  readonly [key: string]: unknown
}

const ALIASES: Readonly<Record<string, readonly [architecture: string, variant?: string]>> = {
  x86_64: ['amd64'],
  aarch64: ['arm64'],
  armhf: ['arm', 'v7'],
  armel: ['arm', 'v6'],
}
/** The variant that an architecture without one means. */
const DEFAULT_VARIANTS: Readonly<Record<string, string>> = { amd64: 'v1', arm64: 'v8', arm: 'v7' }

/** @throws WeaverError `WEAVER_CLI_USAGE` */
export function parsePlatform(text: string): Platform {
  if (!/^[a-z0-9]+\/[a-z0-9_]+(\/[a-z0-9]+)?$/.test(text))
    throw cliError(
      'WEAVER_CLI_USAGE',
      `"${text}" is not a platform; write it as linux/amd64. --platform may be repeated: give it once for each`,
    )
  const [os = '', given = '', variant] = text.split('/')
  const [architecture, implied] = ALIASES[given] ?? [given]
  const found = variant ?? implied
  return { os, architecture, ...(found === undefined ? {} : { variant: found }) }
}

/** `linux/arm/v7` */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, variant].filter((part) => part !== undefined && part !== '').join('/')
}

/**
 * The entry for a platform: the one with the same variant; if no variant is wanted, the one with
 * the default variant, else any of the architecture.
 */
export function findPlatform<T extends { readonly platform: Platform }>(offers: readonly T[], wanted: Platform): T | undefined {
  const near = offers.filter(({ platform }) => platform.os === wanted.os && platform.architecture === wanted.architecture)
  const exact = near.find(({ platform }) => variantOf(platform) === variantOf(wanted))
  return exact ?? (wanted.variant === undefined ? near[0] : undefined)
}

function variantOf({ architecture, variant }: Platform): string | undefined {
  return variant === undefined || variant === '' ? DEFAULT_VARIANTS[architecture] : variant.replace(/^(?=\d)/, 'v')
}
