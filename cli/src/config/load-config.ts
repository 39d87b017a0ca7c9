import { readFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { parse, TomlDate, TomlError } from 'smol-toml'
import type { z } from 'zod'
import { bareNameHint } from '@weaver/sdk/contract'
import { cliError } from '../errors/catalogue.js'
import { configInvalid, formatTomlPath, unknownNameHint, type ConfigProblem } from './config-problem.js'
import { locateTomlKeys, type TomlPath, type TomlPosition } from './toml-positions.js'
import { DEPLOYER_SECTIONS } from './deployer-sections.js'
import type { GkeSection } from './gke-schema.js'
import {
  APPLICATION_SECTIONS,
  applicationSchema,
  FOREIGN_SECTIONS,
  type ApplicationSection,
  type KubeSection,
  type MultiSection,
  type SingleSection,
  type SshSection,
} from './weaver-toml-schema.js'

/**
 * A weaver.toml, read and checked by itself. `checkAgainstGraph` of a manifest checks it against
 * the application.
 */
export interface WeaverToml {
  /** Absolute path. */
  readonly path: string
  /** The name given by the user, for messages. */
  readonly file: string
  readonly folder: string
  readonly application: ApplicationSection
  /** The name that the application section has, for messages. */
  readonly applicationSection: string
  readonly single: SingleSection
  readonly multi: MultiSection
  readonly ssh: SshSection
  readonly gke: GkeSection
  readonly kube: KubeSection
  /** By component name, as plain JSON. */
  readonly components: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly position: (path: TomlPath) => TomlPosition
}

/** @throws WeaverError `WEAVER_CLI_CONFIG_INVALID` with every problem of the file. */
export async function loadConfig(file: string, cwd: string): Promise<WeaverToml> {
  const path = resolve(cwd, file)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    throw cliError('WEAVER_CLI_CONFIG_INVALID', unreadable({ file, cwd, cause: cause as NodeJS.ErrnoException }), { cause }) // what fs rejects with
  }
  return parseConfig(text, { path, file })
}

function unreadable({ file, cwd, cause }: { readonly file: string; readonly cwd: string; readonly cause: NodeJS.ErrnoException }): string {
  if (cause.code === 'ENOENT') return `there is no file "${file}" (seen from "${cwd}"); give the path of a weaver.toml`
  if (cause.code === 'EISDIR') return `"${file}" is a folder; give the file, such as ${join(file, 'weaver.toml')}`
  return `"${file}" cannot be read: ${cause.message}`
}

/** Parses a text; `path` is where its file would be. */
export function parseConfig(text: string, { path, file }: { readonly path: string; readonly file: string }): WeaverToml {
  let raw: Record<string, unknown>
  try {
    raw = parse(text)
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause
    const message = (cause.message.split('\n')[0] ?? '').replace(/^Invalid TOML document: /, '')
    const hint = bareNameHint(text, cause.line) ?? 'correct the TOML syntax'
    throw configInvalid(file, [{ line: cause.line, column: cause.column, key: '', message, hint }])
  }
  const positions = locateTomlKeys(text)
  const problems: ConfigProblem[] = []
  const report = (key: TomlPath, message: string, hint: string): void =>
    void problems.push({ ...positions.find(key), key: formatTomlPath(key), message, hint })
  const section = <Schema extends z.ZodType>(name: string, schema: Schema): z.output<Schema> | undefined => {
    const parsed = schema.safeParse(raw[name] ?? {})
    if (parsed.success) return parsed.data
    for (const issue of parsed.error.issues) reportIssue(issue, { section: name, schema, value: raw[name], report })
    return undefined
  }

  const given = APPLICATION_SECTIONS.filter((name) => name in raw)
  const [applicationSection = 'serviceweaver', ...others] = given
  for (const other of others) report([other], `is the same as [${applicationSection}]`, 'put everything into one of them')
  const application = section(applicationSection, applicationSchema)
  const single = section('single', DEPLOYER_SECTIONS.single)
  const multi = section('multi', DEPLOYER_SECTIONS.multi)
  const ssh = section('ssh', DEPLOYER_SECTIONS.ssh)
  const gke = section('gke', DEPLOYER_SECTIONS.gke)
  const kube = section('kube', DEPLOYER_SECTIONS.kube)
  const components: Record<string, Record<string, unknown>> = {}
  const known: readonly string[] = [...APPLICATION_SECTIONS, ...FOREIGN_SECTIONS, ...Object.keys(DEPLOYER_SECTIONS)]
  for (const [name, value] of Object.entries(raw)) {
    if (known.includes(name)) continue
    if (!isTable(value)) report([name], 'is a key outside of every section', `put it into [${applicationSection}], or remove it`)
    else if (!name.includes('/'))
      report(
        [name],
        'is not a section',
        `${unknownNameHint(name, ['serviceweaver', ...Object.keys(DEPLOYER_SECTIONS)])}; a component is named in full, in quotes: ["package/${name}"]`,
      )
    else components[name] = toJson(value) as Record<string, unknown> // a table becomes an object
  }
  const colocated = new Map<string, TomlPath>()
  application?.colocate?.forEach((list, i) =>
    list.forEach((name, j) => {
      if (colocated.has(name))
        report(
          [applicationSection, 'colocate', i, j],
          `component "${name}" appears twice`,
          'leave it in one list: a component runs in one group',
        )
      colocated.set(name, [i, j])
    }),
  )
  if (
    problems.length > 0 ||
    application === undefined ||
    single === undefined ||
    multi === undefined ||
    ssh === undefined ||
    gke === undefined ||
    kube === undefined
  )
    throw configInvalid(file, problems)
  return {
    path,
    file,
    folder: dirname(path),
    application,
    applicationSection,
    single,
    multi,
    ssh,
    gke,
    kube,
    components,
    position: (key) => positions.find(key),
  }
}

/** The name of the application: the file's, else its package's, else its folder's. */
export function applicationName(config: WeaverToml, packageName?: string): string {
  return config.application.name ?? packageName?.slice(packageName.lastIndexOf('/') + 1) ?? basename(config.folder)
}

interface IssueContext {
  readonly section: string
  readonly schema: z.ZodType
  readonly value: unknown
  readonly report: (key: TomlPath, message: string, hint: string) => void
}

function reportIssue(issue: z.core.$ZodIssue, context: IssueContext): void {
  const path = [context.section, ...(issue.path as (string | number)[])] // TOML has no symbols
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys)
      context.report([...path, key], 'is not a known key', unknownNameHint(key, keysAt(context.schema, issue.path)))
    return
  }
  const value = issue.path.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[key] : undefined),
    context.value,
  )
  if (value === undefined && issue.path.length > 0) context.report(path, 'is missing', 'give it')
  else context.report(path, describeIssue(issue, value), hintOf(issue))
}

/** The types of zod in TOML's and users' words. */
const TYPES: Readonly<Record<string, string>> = { object: 'table', record: 'table', array: 'list', int: 'integer' }
const typeName = (expected: string): string => TYPES[expected] ?? expected
const articleOf = (expected: string): string => (typeName(expected) === 'integer' ? 'an' : 'a')

function describeIssue(issue: z.core.$ZodIssue, value: unknown): string {
  const shown = JSON.stringify(toJson(value))
  const [own, remedy] = issue.message.split('; ')
  if (remedy !== undefined) return `${shown} ${own}`
  if (issue.code === 'invalid_type') return `${shown} is not ${articleOf(issue.expected)} ${typeName(issue.expected)}`
  if (issue.code === 'invalid_value') return `${shown} is not allowed`
  if (issue.code === 'too_small' || issue.code === 'too_big')
    return shown === '""' || shown === '[]' ? 'is empty' : `${shown} is ${issue.code.replace('_', ' ')}`
  return `${shown} ${issue.message}`
}

function hintOf(issue: z.core.$ZodIssue): string {
  // some messages of the schema include the remedy: "is not KEY=value; write …"
  const [, remedy] = issue.message.split('; ')
  if (remedy !== undefined) return remedy
  if (issue.code === 'invalid_type') return `give ${articleOf(issue.expected)} ${typeName(issue.expected)}`
  if (issue.code === 'invalid_value') return `use ${issue.values.map((v) => JSON.stringify(v)).join(', ')}`
  if (issue.code === 'too_small' && issue.origin === 'array') return 'give at least one entry, or leave the key out'
  if (issue.code === 'too_small' && issue.origin === 'string') return 'give a text, or leave the key out'
  if (issue.code === 'too_small') return `give at least ${issue.minimum}`
  if (issue.code === 'too_big') return `give at most ${issue.maximum}`
  return 'correct it'
}

/** Keys that any strict object in a schema accepts. */
function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
  // zod publishes `def` for tools that walk a schema; this one follows only the kinds in
  // weaver-toml-schema.ts
  let at = unwrap(schema)
  for (const key of path) at = unwrap(at?.shape?.[String(key)] ?? at?.valueType ?? at?.element)
  return Object.keys(at?.shape ?? {})
}

interface WalkedDef {
  readonly shape?: Readonly<Record<string, z.ZodType>>
  readonly valueType?: z.ZodType
  readonly element?: z.ZodType
  readonly innerType?: z.ZodType
  readonly options?: readonly z.ZodType[]
}
function unwrap(schema: z.ZodType | undefined): WalkedDef | undefined {
  if (schema === undefined) return undefined
  const def = schema.def as WalkedDef // see keysAt
  const inner = def.innerType ?? def.options?.find((option) => 'shape' in option.def)
  return inner === undefined ? def : unwrap(inner)
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof TomlDate)
}

/** Plain JSON of a TOML value: a date becomes its text, as written. */
function toJson(value: unknown): unknown {
  if (value instanceof TomlDate) return value.toISOString()
  if (typeof value === 'bigint') return Number(value)
  if (Array.isArray(value)) return value.map(toJson)
  if (isTable(value)) return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, toJson(v)]))
  return value
}
