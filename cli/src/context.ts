import type { Output } from './print/output.js'

/** What the composition root (`main.ts`) hands to commands: nothing below it reads `process` itself. */
export interface CliContext {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly output: Output
  /**
   * Takes over SIGINT and SIGTERM until the returned function is called. Without a taker either ends the process.
   */
  onSignal(listener: (signal: NodeJS.Signals) => void): () => void
  /** Asks a question on the terminal. `undefined`: there is no terminal to ask on. */
  readonly ask?: (question: string) => Promise<boolean>
  /** The exit code of the process, when it is not that of an error. */
  setExitCode(code: number): void
}
