/** The broker of deployers of this machine: one that runs already, or a nats-server of the user's installation. */
import { createRequire } from 'node:module'
import { cliError } from '../../errors/catalogue.js'
import { findProgram, isExecutable } from '../../programs/find-program.js'

/** `program`: an executable, and where it was found. */
export type FoundBroker =
  { readonly kind: 'url'; readonly url: string } | { readonly kind: 'program'; readonly path: string; readonly from: string }

export interface FindNatsServerOptions {
  /** As `--nats` gives it. */
  readonly url?: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  /** Of the user: a package manager may keep from this package what the project has beside it. */
  readonly cwd: string
  /** @default that of this machine */
  readonly platform?: { readonly os: string; readonly cpu: string }
  /** Path of a file of a package; throws where that is not installed. @default as Node resolves it from here, else from `cwd` */
  readonly resolve?: (specifier: string) => string
}

/**
 * In this order: the URL, the package of this platform, the PATH.
 * @throws WeaverError `WEAVER_CLI_NATS` with how to get one
 */
export function findNatsServer(options: FindNatsServerOptions): FoundBroker {
  const { url, env, cwd, platform = { os: process.platform, cpu: process.arch } } = options
  const { resolve = (file) => createRequire(import.meta.url).resolve(file, { paths: [import.meta.dirname, cwd] }) } = options
  if (url !== undefined) {
    if (!/^(nats|tls):\/\/[^/]+$/.test(url))
      throw cliError('WEAVER_CLI_USAGE', `--nats "${url}" is not the URL of a broker; write it as nats://127.0.0.1:4222`)
    return { kind: 'url', url }
  }
  const program = platform.os === 'win32' ? 'nats-server.exe' : 'nats-server'
  const packageName = `@weaver/nats-server-${platform.os}-${platform.cpu}`
  const packaged = attempt(() => resolve(`${packageName}/bin/${program}`))
  if (packaged !== undefined) {
    if (!isExecutable(packaged))
      throw cliError(
        'WEAVER_CLI_NATS',
        `"${packaged}" of the package ${packageName} cannot be run; install it again, or make it executable (chmod +x)`,
      )
    return { kind: 'program', path: packaged, from: packageName }
  }
  const onPath = findProgram(program, env)
  if (onPath !== undefined) return { kind: 'program', path: onPath, from: 'PATH' }
  throw cliError(
    'WEAVER_CLI_NATS',
    `processes talk over a broker, and there is no nats-server: neither the package ${packageName}, nor "${program}" on the PATH. ${howToGetOne(platform.os)}; or give the URL of one that runs: --nats nats://127.0.0.1:4222`,
  )
}

/**
 * What works today. The packages of the platforms are not published: they are made from a checkout
 * (scripts/nats-server-packages.mjs).
 */
function howToGetOne(os: string): string {
  const released = 'a release (2.10 or newer) from https://github.com/nats-io/nats-server/releases'
  const onPath = 'on the PATH'
  const go = '`go install github.com/nats-io/nats-server/v2@latest`, which puts it into `$(go env GOPATH)/bin`'
  switch (os) {
    case 'darwin':
      return `Put one ${onPath}: by \`brew install nats-server\`, ${go}, or ${released}`
    case 'win32':
      return `Put one ${onPath}: by \`winget install NATSAuthors.NATSServer\`, ${go}, or ${released}`
    default:
      return `Put one ${onPath}: ${released}; or by ${go}; or by the package nats-server of your distribution where it is new enough (that of Debian 12, 2.9, is not)`
  }
}

function attempt<R>(body: () => R): R | undefined {
  try {
    return body()
  } catch {
    return undefined // not installed
  }
}
