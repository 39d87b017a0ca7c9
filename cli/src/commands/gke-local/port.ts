import { cliError } from '../../errors/catalogue.js'

/** @throws WeaverError `WEAVER_CLI_USAGE` */
export function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (!(port >= 1 && port <= 65_535)) throw cliError('WEAVER_CLI_USAGE', `--port "${text}" is not a port; give a number from 1 to 65535`)
  return port
}
