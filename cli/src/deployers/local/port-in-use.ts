/** Addresses of listeners that cannot be had, and who has them. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { reasonOf, type WeaverError } from '@weaver/sdk/contract'
import { cliError } from '../../errors/catalogue.js'
import { parseAddress } from './listener-address.js'
import { foldersOf, type LocalDeployer } from './local-deployer.js'
import { runningDeployments } from './running-deployments.js'

export interface GivenAddress {
  readonly listener: string
  readonly address: string
  /** Of weaver.toml, which gives the address. */
  readonly section: string
}

/** The error for an address that could not be bound. @param holder whose it is, in words */
export function cannotListen({ listener, address, section }: GivenAddress, cause: unknown, holder: string | undefined): WeaverError {
  const why = codeOf(cause) === 'EADDRINUSE' ? `another process has it${holder === undefined ? '' : `: ${holder}`}` : reasonOf(cause)
  return cliError(
    'WEAVER_CLI_PORT_IN_USE',
    `listener "${listener}" cannot listen on ${address}: ${why}; end that one, or give another address (${section}.listeners.${listener}.address)`,
    { cause },
  )
}

/** Which deployment on this machine has an address, in words; `undefined`: none of ours. */
export function holderOf(
  address: string,
  deployers: readonly LocalDeployer[],
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const port = address.slice(address.lastIndexOf(':'))
  for (const deployer of deployers)
    for (const { app, pid, listeners = {} } of runningDeployments(foldersOf(deployer, env).list))
      if (Object.values(listeners).some((at) => at.endsWith(port)))
        return `"${app}" of another \`weaver ${deployer.name} deploy\` (process ${pid})`
  return undefined
}

/**
 * For a process that binds its addresses itself, before it is started: tries them.
 * @throws WeaverError `WEAVER_CLI_PORT_IN_USE`
 */
export async function checkFree(given: readonly GivenAddress[], holder: (address: string) => string | undefined): Promise<void> {
  for (const one of given) {
    const { host, port = 0 } = parseAddress(one.address) ?? {}
    if (port === 0) continue
    const server = createServer()
    try {
      await once(server.listen({ host, port }), 'listening')
    } catch (error) {
      throw cannotListen(one, error, holder(one.address))
    } finally {
      server.close()
    }
  }
}

/** Of the error, or of what caused it. */
function codeOf(error: unknown): string | undefined {
  const { code, cause } = error as { readonly code?: string; readonly cause?: { readonly code?: string } } // of the system, or around one of its
  return cause?.code ?? code
}
