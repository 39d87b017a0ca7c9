import type { LogEntry } from '@weaver/sdk/contract'
import { createLogWriter, type LogSource, type LogWriter } from '../../logs/log-files.js'

export interface DeploymentLog {
  write(entry: LogEntry): void
  close(): void
}

/** Keeps the entries of all processes of a deployment, each in files of its own. */
export function createDeploymentLog(
  { folder, ...source }: Omit<LogSource, 'replica'> & { readonly folder: string },
  onProblem: (error: unknown) => void,
): DeploymentLog {
  const writers = new Map<string, LogWriter>()
  return {
    write(entry) {
      const { replica = '' } = entry
      let writer = writers.get(replica)
      if (writer === undefined) writers.set(replica, (writer = createLogWriter(folder, { ...source, replica }, { onProblem })))
      writer.write(entry)
    },
    close() {
      for (const writer of writers.values()) writer.close()
    },
  }
}
