/**
 * Failures kept as files, which each later run tries first: one JSON file each, with information
 * for readers and all that the simulator needs.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import { deserialize, serialize } from 'node:v8'
import { WeaverError } from '../contract/errors.js'
import type { PlannedOp, SimCase } from './case.js'
import { textOfArgs } from './world/history.js'
import type { SimParameters } from './parameters.js'

export const GRAVEYARD_VERSION = 1

export interface GraveyardEntry {
  readonly version: typeof GRAVEYARD_VERSION
  /** Name of the workload's class. */
  readonly workload: string
  /** Fingerprint of the build, as in `weaver.gen.ts`. */
  readonly fingerprint: string
  /** The failure, for readers. */
  readonly failure: string
  readonly seed: number
  /** Number of the first execution that failed, from 1. */
  readonly execution: number
  readonly case: SimCase & { readonly schedule: readonly string[] }
}

/** The path of an entry, with its outcome. */
export interface BuriedCase {
  readonly file: string
  readonly entry: GraveyardEntry
}

interface WrittenOp {
  readonly id: number
  readonly op: string
  readonly args: readonly unknown[] | { readonly text: string; readonly v8: string }
}

export function graveyardFolder(graveyard: string | URL): string {
  return typeof graveyard === 'string' ? graveyard : fileURLToPath(graveyard)
}

/**
 * Entries of a folder, sorted by name; none if it does not exist.
 * @throws WeaverError `WEAVER_SIM_GRAVEYARD`: a file that is not an entry, or of another version
 */
export function readGraveyard(folder: string): readonly BuriedCase[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => {
      const file = join(folder, name)
      return { file, entry: parseEntry(readFileSync(file, 'utf8'), file) }
    })
}

/**
 * Writes the entry, and its sequence diagram beside it as `.mmd`.
 * @returns the path of the entry
 */
export function bury(folder: string, entry: GraveyardEntry, diagram: string): string {
  const text = entryText(entry)
  const { ops, schedule } = entry.case
  const name = createHash('sha256')
    .update(JSON.stringify([entry.workload, ops.map(written), schedule]))
    .digest('hex')
    .slice(0, 8)
  const file = join(folder, `${entry.workload}-${name}.json`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(file, text)
  writeFileSync(file.replace(/json$/, 'mmd'), diagram)
  return file
}

function entryText({ version, workload, fingerprint, failure, seed, execution, case: of }: GraveyardEntry): string {
  const { parameters, chanceSeed, scheduleSeed, ops, schedule } = of
  const head = {
    version,
    workload,
    fingerprint,
    failure,
    seed,
    execution,
    parameters,
    chanceSeed,
    scheduleSeed,
    ops: ops.map(written),
    schedule,
  }
  return `${JSON.stringify(head, undefined, 2)}\n`
}

function written({ id, op, args }: PlannedOp): WrittenOp {
  const values = args.map(({ value }) => value)
  return { id, op, args: isJson(values) ? values : { text: textOfArgs(values), v8: serialize(values).toString('base64') } }
}

function isJson(values: readonly unknown[]): boolean {
  try {
    return isDeepStrictEqual(JSON.parse(JSON.stringify(values)), values)
  } catch {
    return false // a bigint, or a cycle
  }
}

function parseEntry(text: string, file: string): GraveyardEntry {
  const refuse = (why: string, cause?: unknown): never => {
    throw new WeaverError('WEAVER_SIM_GRAVEYARD', `${file}: ${why}; delete the file, or take it back from version control`, { cause })
  }
  let read: Partial<Record<string, unknown>>
  try {
    read = JSON.parse(text) as Partial<Record<string, unknown>> // its fields are checked below
  } catch (cause) {
    return refuse('is not JSON', cause)
  }
  const { version, workload, fingerprint, failure, seed, execution, parameters, chanceSeed, scheduleSeed, ops, schedule } = read ?? {}
  if (version !== GRAVEYARD_VERSION) return refuse(`is of version ${JSON.stringify(version)}, and this release reads ${GRAVEYARD_VERSION}`)
  const isText = [workload, fingerprint, failure].every((value) => typeof value === 'string')
  const isNumber = [seed, execution, chanceSeed, scheduleSeed].every((value) => typeof value === 'number')
  const isList = Array.isArray(schedule) && schedule.every((step) => typeof step === 'string') && Array.isArray(ops)
  const isComplete = ['numOps', 'concurrency', 'replicas'].every(
    (name) => typeof (parameters as Record<string, unknown> | undefined)?.[name] === 'number',
  )
  if (!isText || !isNumber || !isList || !isComplete) return refuse('lacks a field of an entry, or has one of another kind')
  let planned: PlannedOp[]
  try {
    planned = (ops as readonly WrittenOp[]).map(({ id, op, args }) => {
      const values = 'v8' in args ? (deserialize(Buffer.from(args.v8, 'base64')) as readonly unknown[]) : args
      return { id: Number(id), op: String(op), args: values.map((value) => ({ value })) }
    })
  } catch (cause) {
    return refuse('has arguments that cannot be read', cause)
  }
  return {
    version,
    workload: workload as string, // checked above, as all that follows
    fingerprint: fingerprint as string,
    failure: failure as string,
    seed: seed as number,
    execution: execution as number,
    case: {
      parameters: parameters as SimParameters,
      chanceSeed: chanceSeed as number,
      scheduleSeed: scheduleSeed as number,
      ops: planned,
      schedule: schedule as readonly string[],
    },
  }
}
