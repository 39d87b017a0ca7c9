/** The files of a new application, by path. Pure. */

export type PackageManager = 'npm' | 'pnpm' | 'yarn'

export interface ScaffoldOptions {
  /** Of the application: lower-case letters, digits and `-`. */
  readonly name: string
  /** Of this command, and so of every package of the release. */
  readonly version: string
  readonly packageManager: PackageManager
  /** Where packages of this release are, by name, when they are not taken from a registry: `file:../packages/weaver-sdk-0.1.0.tgz`. */
  readonly packed?: Readonly<Record<string, string>>
}

const TYPESCRIPT = '~5.9.3'
const NODE_TYPES = '^24.10.0'
const ZOD = '^4.1.0'

export function scaffoldFiles(options: ScaffoldOptions): Readonly<Record<string, string>> {
  const { name, packageManager, packed } = options
  return {
    'package.json': `${JSON.stringify(manifestOf(options), null, 2)}\n`,
    'tsconfig.json': `${JSON.stringify(TSCONFIG, null, 2)}\n`,
    'weaver.toml': weaverToml(name),
    '.gitignore': 'node_modules/\ndist/\n',
    'README.md': readme(name, packageManager),
    'src/main.ts': MAIN,
    'src/app.ts': appSource(name),
    'src/greeter.ts': greeterSource(name),
    'src/visits.ts': visitsSource(name),
    'greeter.test.mjs': testSource(name),
    ...(packageManager === 'pnpm' && packed !== undefined ? { 'pnpm-workspace.yaml': pnpmOverrides(packed) } : {}),
  }
}

function manifestOf({ name, version, packageManager, packed }: ScaffoldOptions): object {
  const { '@weaver/sdk': sdk = version, ...others } = packed ?? { '@weaver/cli': version, '@weaver/testing': version }
  return {
    name,
    version: '0.1.0',
    private: true,
    type: 'module',
    engines: { node: '>=22.19' },
    scripts: {
      generate: 'weaver generate',
      dev: 'weaver dev',
      build: 'weaver generate && tsc',
      start: 'weaver single deploy weaver.toml',
      multi: 'weaver multi deploy weaver.toml',
      check: 'weaver config check',
      test: 'weaver generate && tsc && node --test',
    },
    dependencies: { '@weaver/sdk': sdk, zod: ZOD },
    devDependencies: { '@types/node': NODE_TYPES, ...others, typescript: TYPESCRIPT },
    // The others depend on each other by version, which yarn would look for in the registry.
    ...(packageManager === 'yarn' && packed !== undefined ? { resolutions: packed } : {}),
  }
}

function pnpmOverrides(packed: Readonly<Record<string, string>>): string {
  const lines = Object.entries(packed).map(([name, file]) => `  '${name}': ${file}\n`)
  return `# These depend on each other by version, which pnpm would look for in the registry.\noverrides:\n${lines.join('')}`
}

const TSCONFIG = {
  compilerOptions: {
    target: 'es2022',
    module: 'nodenext',
    types: ['node'],
    strict: true,
    skipLibCheck: true,
    sourceMap: true,
    rootDir: 'src',
    outDir: 'dist',
  },
  include: ['src'],
}

const weaverToml = (name: string): string => `#:schema ./node_modules/@weaver/cli/weaver.schema.json
[serviceweaver]
name = "${name}"
binary = "dist/main.js"

["${name}/Greeter"]
greeting = "Hello"

[single]
listeners.web = { address = "localhost:8080" }

[multi]
listeners.web = { address = "localhost:8080" }
`

const MAIN = `import { run } from '@weaver/sdk'
import { App } from './app.js'
import { weaver } from './weaver.gen.js' // written by \`weaver generate\`, which \`build\` runs

await run(App, weaver)
`

const appSource = (name: string): string => `import { createServer } from 'node:http'
import { listener, logger, ref, type Main } from '@weaver/sdk'
import { Greeter } from './greeter.js'

export class App implements Main {
  readonly greeter = ref(Greeter)
  readonly web = listener('web')
  readonly log = logger()

  async main(): Promise<void> {
    const { host, port } = await this.web.serve(
      createServer(async (request, response) => {
        const name = new URL(request.url ?? '/', 'http://${name}').searchParams.get('name') ?? 'World'
        try {
          response.end(\`\${await this.greeter.greet(name)}\\n\`)
          this.log.info('greeted', { name })
        } catch (err) {
          this.log.error('request failed', { err })
          response.writeHead(500).end('something went wrong\\n')
        }
      }),
    )
    this.log.info('serving', { host, port })
  }
}
`

const greeterSource = (name: string): string => `import { component, config, implement, ref } from '@weaver/sdk'
import { z } from 'zod'
import { Visits } from './visits.js'

export interface Greeter {
  greet(name: string): Promise<string>
}
export const Greeter = component<Greeter>('${name}/Greeter')

class GreeterImpl implements Greeter {
  readonly options = config(z.strictObject({ greeting: z.string().default('Hello') }))
  readonly visits = ref(Visits)

  async greet(name: string): Promise<string> {
    const visit = await this.visits.count(name)
    return \`\${this.options.greeting}, \${name}! Visit \${visit}.\`
  }
}
export const greeterImpl = implement(Greeter, GreeterImpl)
`

const visitsSource = (name: string): string => `import { component, implement } from '@weaver/sdk'

export interface Visits {
  /** How often somebody of this name was here, this visit included; of each process of this component alone. */
  count(name: string): Promise<number>
}
// A call that is tried again would count twice.
export const Visits = component<Visits>('${name}/Visits', { notRetriable: ['count'] })

class VisitsImpl implements Visits {
  readonly #counts = new Map<string, number>()

  async count(name: string): Promise<number> {
    const visit = (this.#counts.get(name) ?? 0) + 1
    this.#counts.set(name, visit)
    return visit
  }
}
export const visitsImpl = implement(Visits, VisitsImpl)
`

const testSource = (name: string): string => `import assert from 'node:assert/strict'
import { test } from 'node:test'
import { weaverTest } from '@weaver/sdk/testing'
import { Greeter } from './dist/greeter.js'
import { weaver } from './dist/weaver.gen.js'

// With the runner "multi" each component has a process of its own; it needs a nats-server.
test('greets, and counts visits', async () => {
  const config = '["${name}/Greeter"]\\ngreeting = "Good day"'
  await weaverTest({ weaver, runner: 'local', config }, async (app) => {
    const greeter = app.get(Greeter)
    assert.equal(await greeter.greet('Ada'), 'Good day, Ada! Visit 1.')
    assert.equal(await greeter.greet('Ada'), 'Good day, Ada! Visit 2.')
  })
})
`

const readme = (name: string, packageManager: PackageManager): string => `# ${name}

\`\`\`sh
${packageManager} install
${runScript(packageManager, 'test')}   # generate, compile, test
${runScript(packageManager, 'dev')}    # the application, again after each edit: only what it concerns; http://localhost:8080/?name=Ada
${runScript(packageManager, 'start')}  # one process
${runScript(packageManager, 'multi')}  # a process for each component and replica; needs a nats-server
\`\`\`

Components are in \`src/greeter.ts\` and \`src/visits.ts\`, the configuration in \`weaver.toml\`. After a change of an
interface \`${runScript(packageManager, 'build')}\` generates and compiles; commit \`src/weaver.gen.ts\` and \`weaver.graph.json\`.
`

/** How a script of package.json is run. */
export function runScript(packageManager: PackageManager, script: string): string {
  return `${packageManager} run ${script}`
}
