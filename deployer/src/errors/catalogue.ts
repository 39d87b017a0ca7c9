import { WeaverError } from '@weaver/sdk/contract'

export type DeployerErrorCode = 'WEAVER_WEAVELET_FAILED' | 'WEAVER_NATS_SERVER_FAILED'

export interface DeployerErrorEntry {
  /** When it occurs. */
  readonly when: string
  /** Whether the same thing may be tried again. */
  readonly retry: 'yes' | 'no'
  /** What to do. */
  readonly remedy: string
}

/** Every error of this package. Codes are stable; docs/deployers.md lists them. */
export const DEPLOYER_ERRORS: Readonly<Record<DeployerErrorCode, DeployerErrorEntry>> = {
  WEAVER_WEAVELET_FAILED: {
    when: 'a weavelet ended before it was ever ready; the message has the cause and what it said last',
    retry: 'no',
    remedy: 'The last lines say what stood in its way: configuration that a component refuses, an `init()` that throws, a port in use.',
  },
  WEAVER_NATS_SERVER_FAILED: {
    when: 'the nats-server of a deployer ended before it took connections; the message has what it said last',
    retry: 'yes',
    remedy: 'Run the program that the message names by hand: it may be built for another system, or not be nats-server 2.10 or newer.',
  },
}

export function deployerError(
  code: DeployerErrorCode,
  message: string,
  options?: ConstructorParameters<typeof WeaverError>[2],
): WeaverError {
  return new WeaverError(code, message, options)
}
