import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkConfigAgainstGraph } from '@weaver/crds'
import { parse } from 'smol-toml'
import { ENVIRONMENT } from './environment.js'
import { cliReference } from './cli-reference.js'
import { weaverTomlJsonSchema } from './toml-json-schema.js'
import { tomlSections } from './toml-reference.js'

const SOURCES = fileURLToPath(new URL('..', import.meta.url))
/** Reads variables for the command. */
const KUBE_SOURCES = fileURLToPath(new URL('../../../kube/src', import.meta.url))

describe('the reference of the command', () => {
  it('is what docs/cli.md says; `npm run generate -w cli` writes it', async () => {
    expect(readFileSync(join(SOURCES, '../../docs/cli.md'), 'utf8')).toBe(await cliReference())
  })

  it('has a schema of weaver.toml for editors that is in step; `npm run generate -w cli` writes it', () => {
    const { properties, patternProperties, ...schema } = weaverTomlJsonSchema()
    expect(JSON.parse(readFileSync(join(SOURCES, '../weaver.schema.json'), 'utf8'))).toEqual({ ...schema, properties, patternProperties })
    const checked = (toml: string): string[] => {
      // The interpreter that checks configuration by a schema reads this one, too; names of
      // sections are beyond it.
      const sections = Object.entries(properties as Record<string, object>)
      const components = sections.map(([name, config]) => ({
        name,
        methods: [],
        refs: [],
        listeners: [],
        config: config as Record<string, unknown>,
      }))
      const known = Object.entries(parse(toml)).filter(
        ([name]) => !Object.keys(patternProperties as object).some((pattern) => name.includes(pattern)),
      )
      return checkConfigAgainstGraph(Object.fromEntries(known), { components }, { hasTrustedPatterns: true }).map(({ path }) => path)
    }
    for (const example of ['bank', 'boutique', 'chat', 'httpserver'])
      expect(checked(readFileSync(join(SOURCES, '../../examples', example, 'weaver.toml'), 'utf8'))).toEqual([])
    const wrong =
      '[serviceweaver]\nnam = "x"\nrollout = "soon"\n[single]\nlisteners.a.address = "x"\n[multi]\nreplicas = 0\n[ssh]\nreplicas = 0\n[servcie]\n'
    expect(checked(wrong).sort()).toEqual([
      'spec.config.multi.replicas',
      'spec.config.servcie',
      'spec.config.serviceweaver.nam',
      'spec.config.serviceweaver.rollout',
      'spec.config.single.listeners.a.address',
      'spec.config.ssh.replicas',
    ])
  })

  it('has the help of every command, with the settings of the program', async () => {
    const text = await cliReference()
    for (const path of ['version', 'generate', 'single deploy', 'image push', 'kube deploy', 'kube manifest'])
      expect(text).toContain(`### \`weaver ${path}\`\n\n\`\`\`text\nUsage: weaver ${path} [options]`)
  })

  it('says which commands ask first: those that end what serves, or delete', async () => {
    const [line = ''] = /^What ends something.*$/m.exec(await cliReference()) ?? []
    const asking = [
      'gke-local burn',
      'kube burn',
      'single kill',
      'single purge',
      'multi kill',
      'multi purge',
      'ssh kill',
      'ssh purge',
      'gke-local kill',
      'gke-local purge',
    ]
    expect([...line.matchAll(/`weaver (.*?)`/g)].map(([, path]) => path).sort()).toEqual(
      [...asking, 'kube deploy', 'kube delete', 'operator uninstall'].sort(),
    )
  })

  it('names every environment variable that the sources read or set, and none besides those of others', () => {
    const used = [SOURCES, KUBE_SOURCES]
      .flatMap((folder) =>
        readdirSync(folder, { recursive: true, encoding: 'utf8' })
          .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.startsWith('testing'))
          .map((file) => join(folder, file)),
      )
      .flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/env\['([A-Z0-9_]+)'\]|\b((?:SERVICE)?WEAVER_CONFIG):|'(\w+_PROXY)'/g)])
      .map(([, read, set, inEitherCase]) => read ?? set ?? inEitherCase ?? '')
    const ofOthers = ['NODE_EXTRA_CA_CERTS', 'NODE_USE_ENV_PROXY', 'NODE_COMPILE_CACHE', 'WEAVER_LOG_LEVEL'] // Node and the application read these
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
