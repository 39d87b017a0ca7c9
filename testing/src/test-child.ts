import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { BOOTSTRAP_ENV, WeaverError, type Bootstrap, type WeaveletStatus } from '@weaver/sdk/contract'
import type { TestDeployer } from './test-deployer.js'

export interface TestChild {
  /** @throws WeaverError `WEAVER_TEST` when it ends before, or takes longer than half a minute */
  ready(): Promise<void>
  /** @returns what was wrong with its end; `undefined`: nothing */
  stop(): Promise<string | undefined>
}

const READY_MS = 30_000
const STOP_MS = 10_000

/** A process of the application with one component. */
export function startChild(options: {
  readonly entry: string | URL
  readonly bootstrap: Bootstrap
  /** Asks it whether it is ready. */
  readonly deployer: Pick<TestDeployer, 'ask'>
  readonly isVerbose: boolean
}): TestChild {
  const { bootstrap, deployer, entry, isVerbose } = options
  const file = typeof entry === 'string' && !entry.startsWith('file:') ? entry : fileURLToPath(entry)
  const what = `the process of ${bootstrap.components.map((name) => `"${name}"`).join(', ')}`
  let text = ''
  const child = spawn(process.execPath, [file], {
    env: { ...process.env, NODE_OPTIONS: '', [BOOTSTRAP_ENV]: JSON.stringify(bootstrap) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = once(child, 'exit').catch(() => undefined)
  let failure: Error | undefined
  child.on('error', (error) => (failure = error))
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      if (text.length < 20_000) text += chunk
      if (isVerbose) process.stderr.write(chunk)
    })
  const isUp = (): boolean => child.exitCode === null && child.signalCode === null && failure === undefined
  return {
    async ready() {
      const until = Date.now() + READY_MS
      for (;;) {
        if (!isUp()) throw new WeaverError('WEAVER_TEST', `${what} ended before it was ready: ${failure?.message ?? text}`)
        const answer = await deployer.ask(bootstrap.replica, 'status')
        if (answer !== undefined && (JSON.parse(new TextDecoder().decode(answer)) as WeaveletStatus).ready) return // as the weavelet answers
        if (Date.now() > until) throw new WeaverError('WEAVER_TEST', `${what} was not ready after ${READY_MS / 1_000} s: ${text}`)
        await sleep(20)
      }
    },
    async stop() {
      if (!isUp()) return `${what} had ended with ${child.exitCode ?? child.signalCode ?? String(failure)}: ${text}`
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
      await exited
      clearTimeout(timer)
      return child.exitCode === 0 ? undefined : `${what} ended with ${child.exitCode ?? child.signalCode}: ${text}`
    },
  }
}
