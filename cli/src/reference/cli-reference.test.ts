import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ENVIRONMENT } from './environment.js'
import { cliReference } from './cli-reference.js'
import { tomlSections } from './toml-reference.js'

const SOURCES = fileURLToPath(new URL('..', import.meta.url))
/** Reads variables for the command. */
const KUBE_SOURCES = fileURLToPath(new URL('../../../kube/src', import.meta.url))

describe('the reference of the command', () => {
  it('is what docs/cli.md says; `npm run generate -w cli` writes it', async () => {
    expect(readFileSync(join(SOURCES, '../../docs/cli.md'), 'utf8')).toBe(await cliReference())
  })

  it('has the help of every command, with the settings of the program', async () => {
    const text = await cliReference()
    for (const path of ['version', 'generate', 'single deploy', 'image push', 'kube deploy', 'kube manifest'])
      expect(text).toContain(`### \`weaver ${path}\`\n\n\`\`\`text\nUsage: weaver ${path} [options]`)
  })

  it('names every environment variable that the sources read or set, and none besides those of others', () => {
    const used = [SOURCES, KUBE_SOURCES]
      .flatMap((folder) =>
        readdirSync(folder, { recursive: true, encoding: 'utf8' })
          .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.startsWith('testing'))
          .map((file) => join(folder, file)),
      )
      .flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/env\['([A-Z_]+)'\]|\b((?:SERVICE)?WEAVER_CONFIG):|'(\w+_PROXY)'/g)])
      .map(([, read, set, inEitherCase]) => read ?? set ?? inEitherCase ?? '')
    const ofOthers = ['NODE_EXTRA_CA_CERTS', 'NODE_USE_ENV_PROXY', 'WEAVER_LOG_LEVEL'] // Node and the application read these
    expect(Object.keys(ENVIRONMENT).sort()).toEqual([...new Set([...used, ...ofOthers])].sort())
  })

  it('goes to the end of every table, list and choice of weaver.toml', () => {
    const keys = tomlSections().flatMap((section) => section.keys)
    const lines = keys.map(({ path, type, isRequired }) => `${path} ${type}${isRequired ? ' required' : ''}`)
    expect(lines).toEqual(
      expect.arrayContaining([
        'serviceweaver.colocate list of lists of strings',
        'single.listeners.LISTENER.address string',
        'kube.groups[].components list of strings required',
        'kube.groups[].replicas integer ≥ 0 or table',
        'kube.groups[].replicas.cpu integer 1–100',
        'kube.resources.requests table of integers ≥ 0 or strings',
        'kube.rollout.steps[].hold duration',
        'kube.traffic.driver `"proxy"`, `"none"`',
      ]),
    )
  })
})
