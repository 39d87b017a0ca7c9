import type { Output } from './print/output.js'

/**
 * What the composition root (`main.ts`) passes to commands; nothing below it reads `process`
 * itself.
 */
export interface CliContext {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly output: Output
  /**
   * Takes over SIGINT and SIGTERM until the returned function is called. Otherwise either ends the
   * process. SIGPIPE, once, says that nobody reads stdout or stderr any more.
   */
  onSignal(listener: (signal: NodeJS.Signals) => void): () => void
  /** Asks a question on the terminal; `undefined` if there is none. */
  readonly ask?: (question: string) => Promise<boolean>
  /** Sets the exit code of the process, if it is not that of an error. */
  setExitCode(code: number): void
}
