import { Command } from 'commander'
import type { CliContext } from '../../context.js'
import { askForVersion, knownVersions, versionBefore, versionNamed } from '../../deployers/kube/known-versions.js'
import { needApp } from '../../deployers/kube/weaver-apps.js'
import { cliError } from '../../errors/catalogue.js'
import { connect, withClusterFlags, type ClusterFlags } from './flags.js'

interface RollbackFlags extends ClusterFlags {
  readonly to?: string
  readonly json?: true
}

export function rollbackCommand(context: CliContext): Command {
  const command = new Command('rollback')
    .description('have the spec ask for an earlier version, exactly as it was; its traffic moves by the rollout settings of now')
    .argument('<name>', 'name of the application')
    .option(
      '--to <version>',
      'id of a version, or its beginning (default: the active one where the spec asks for another, else the one before it)',
    )
    .option('--json', 'print JSON')
  return withClusterFlags(command).action(async (name: string, flags: RollbackFlags) => {
    const client = await connect(context, flags)
    const app = await needApp(client, { namespace: flags.namespace ?? client.namespace, name })
    const known = await knownVersions(client, app.metadata)
    const version = flags.to === undefined ? versionBefore(app, known) : versionNamed(flags.to, known)
    const { namespace } = app.metadata
    if (app.status?.burned?.includes(version.id) === true)
      throw cliError(
        'WEAVER_CLI_NO_VERSION',
        `version "${version.id}" is burned, and never serves again; go to another one, or deploy a new one`,
      )
    const isAsked = version.id === app.status?.desired
    if (!isAsked) await askForVersion(client, app, version)
    if (flags.json === true) context.output.json({ namespace, name, version: version.id, image: version.spec.image, changed: !isAsked })
    else if (isAsked) context.output.result(`${namespace}/${name}: the spec asks for version ${version.id} already`)
    else
      context.output.result(
        `${namespace}/${name}: the spec asks for version ${version.id} again (${version.spec.image}); \`weaver kube status ${name} --watch\` shows how it gets there`,
      )
  })
}
