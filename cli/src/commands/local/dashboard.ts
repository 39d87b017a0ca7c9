import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DashboardSource } from '@weaver/dashboard'
import { reasonOf } from '@weaver/sdk/contract'
import { Command } from 'commander'
import type { CliContext } from '../../context.js'
import type { LocalDeployer } from '../../deployers/local/local-deployer.js'
import { stateFolder } from '../../deployers/local/state-folder.js'
import { cliError } from '../../errors/catalogue.js'
import { findProgram } from '../../programs/find-program.js'

interface DashboardFlags {
  readonly port?: string
  readonly open: boolean
}

/** @param rolloutsOf of a deployer whose deployments replace each other step by step */
export function dashboardCommand(
  context: CliContext,
  deployer: LocalDeployer,
  rolloutsOf?: () => Promise<DashboardSource['rollouts']>,
): Command {
  return new Command('dashboard')
    .description('open the dashboard of what runs on this machine in the browser; it is served until Ctrl-C')
    .option('--port <port>', 'port of loopback to serve it on (default: a free one)')
    .option('--no-open', 'only print the URL')
    .action(async ({ port: given, open: isOpened }: DashboardFlags) => {
      const port = portOf(given)
      const { startDashboard } = await import('@weaver/dashboard')
      const { createProcessSource } = await import('../../deployers/local/process-source.js') // no other verb needs it
      const dashboard = await startDashboard(createProcessSource(deployer, context.env, await rolloutsOf?.()), {
        ...(port === undefined ? {} : { port }),
        onProblem: (error) => context.output.warn(reasonOf(error)),
      }).catch((cause: unknown) => {
        if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause
        throw cliError('WEAVER_CLI_PORT_IN_USE', `--port ${given ?? ''} is taken by another program; leave the flag out for a free port`, {
          cause,
        })
      })
      let interrupt = (): void => undefined
      const interrupted = new Promise<void>((resolve) => (interrupt = resolve))
      const release = context.onSignal(() => interrupt())
      let page: TicketPage | undefined
      try {
        context.output.result(dashboard.url)
        context.output.progress(`the dashboard of \`weaver ${deployer.name}\` is there until Ctrl-C; the URL is for your eyes only`)
        if (isOpened) {
          page = writeTicketPage(dashboard.ticketUrl(), context.env)
          if (!openBrowser(page.file, context.env)) context.output.progress('no browser was found; open the URL above')
        }
        await interrupted
      } finally {
        release()
        page?.remove()
        await dashboard.close()
      }
    })
}

function portOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const port = Number(text)
  if (!/^\d+$/.test(text) || port > 65_535) throw cliError('WEAVER_CLI_USAGE', `--port "${text}" is not a port; give a number up to 65535`)
  return port
}

interface TicketPage {
  readonly file: string
  remove(): void
}

/**
 * A page that leads to the URL. A browser gets it instead of the URL, as other users of the machine
 * can read command lines, and could be there first.
 */
function writeTicketPage(url: string, env: CliContext['env']): TicketPage {
  const state = stateFolder(env)
  mkdirSync(state, { recursive: true, mode: 0o700 })
  const folder = mkdtempSync(join(state, 'dashboard-')) // its mode is 0700
  const file = join(folder, 'open.html')
  const html = `<!doctype html><meta charset="utf-8"><title>Weaver</title><meta http-equiv="refresh" content="0; url=${url}">\n`
  writeFileSync(file, html, { mode: 0o600, flag: 'wx' })
  return { file, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** @returns whether there is a program for it */
function openBrowser(file: string, env: CliContext['env']): boolean {
  const opener = { darwin: ['open'], win32: ['cmd', '/c', 'start', ''] }[process.platform as string] ?? ['xdg-open']
  const [program = '', ...args] = opener
  const path = process.platform === 'win32' ? program : findProgram(program, env)
  if (path === undefined) return false
  const child = spawn(path, [...args, file], { detached: true, stdio: 'ignore', env })
  child.on('error', () => undefined) // the URL is printed
  child.unref()
  return true
}
