import { spawn } from 'node:child_process'
import { access } from 'node:fs/promises'
import { constants } from 'node:os'
import { resolve } from 'node:path'
import type { WeaverToml } from '../../config/load-config.js'
import type { CliContext } from '../../context.js'
import { cliError } from '../../errors/catalogue.js'
import { DEFAULT_MAIN } from '../../image/make-image.js'

/**
 * @returns the absolute path of what the file names as the application
 * @throws WeaverError `WEAVER_CLI_NOT_BUILT`
 */
export async function checkBinary(config: WeaverToml): Promise<string> {
  const binary = resolve(config.folder, config.application.binary ?? DEFAULT_MAIN)
  try {
    await access(binary)
    return binary
  } catch (cause) {
    throw cliError(
      'WEAVER_CLI_NOT_BUILT',
      `"${binary}", the binary of "${config.file}", does not exist; build it first (\`npm run build\`), or correct \`binary\``,
      { cause },
    )
  }
}

/**
 * Runs the whole application in one child process of this terminal, told by `WEAVER_CONFIG` where its weaver.toml is. Signals are passed on, so that the
 * application shuts down by itself; a second Ctrl-C kills it.
 * @returns the child's exit code; 128 and the number of the signal when one ended it
 */
export async function runSingle(config: WeaverToml, context: Pick<CliContext, 'env' | 'onSignal' | 'ask'>): Promise<number> {
  const binary = await checkBinary(config)
  const own = Object.fromEntries(
    (config.application.env ?? []).map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
  )
  const isScript = /\.[cm]?[jt]s$/.test(binary)
  const command = isScript ? process.execPath : binary
  const args = [...(isScript ? [binary] : []), ...(config.application.args ?? [])]
  const child = spawn(command, args, {
    cwd: config.folder,
    env: { ...context.env, ...own, WEAVER_CONFIG: config.path, SERVICEWEAVER_CONFIG: config.path },
    stdio: 'inherit',
  })
  let signals = 0
  const release = context.onSignal((signal) => {
    // A terminal sends Ctrl-C to the child as well; a second SIGINT there would be taken for impatience.
    if (++signals > 1) child.kill('SIGKILL')
    else if (signal !== 'SIGINT' || context.ask === undefined) child.kill(signal)
  })
  try {
    return await new Promise<number>((done, fail) => {
      child.on('error', (cause: NodeJS.ErrnoException) => {
        const why =
          cause.code === 'EACCES'
            ? `it is no file that may be run; make it executable (chmod +x), or name a script such as ${DEFAULT_MAIN}`
            : cause.message
        fail(cliError('WEAVER_CLI_CHILD_FAILED', `"${command}", the binary of "${config.file}", cannot be started: ${why}`, { cause }))
      })
      child.on('exit', (code, signal) => done(code ?? 128 + (signal === null ? 0 : constants.signals[signal])))
    })
  } finally {
    release()
  }
}
