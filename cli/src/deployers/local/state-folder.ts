import { isAbsolute, join } from 'node:path'
import { cliError } from '../../errors/catalogue.js'

/** Where this user's deployments and their logs are kept: `weaver` below `XDG_STATE_HOME`, else below `~/.local/state`. @throws WeaverError `WEAVER_CLI_STATE` */
export function stateFolder(env: Readonly<Record<string, string | undefined>>): string {
  const given = env['XDG_STATE_HOME'] ?? ''
  if (isAbsolute(given)) return join(given, 'weaver') // the specification says that a relative one is to be ignored
  const home = env['HOME'] || env['USERPROFILE']
  if (home === undefined || home === '')
    throw cliError(
      'WEAVER_CLI_STATE',
      'there is no place for logs and the list of running deployments; set HOME, or XDG_STATE_HOME to an absolute path',
    )
  return join(home, '.local', 'state', 'weaver')
}
