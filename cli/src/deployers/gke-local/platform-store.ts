/**
 * The platform's memory: JSON files, each replaced as a whole. They hold environments of
 * applications, so they are their user's alone.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { AppState } from './app-state.js'
import type { GkeFolders } from './gke-folders.js'
import { lockHolder } from '../local/process-lock.js'
import type { VersionSpec } from './version-spec.js'

export function writeJson(path: string, value: unknown): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  writeFileSync(`${path}.new`, JSON.stringify(value), { mode: 0o600 })
  renameSync(`${path}.new`, path) // a reader sees all of it or nothing
}

/** @returns `undefined` for a file that is not there, or is not JSON of this release */
export function readJson<T extends { readonly format: 1 }>(path: string): T | undefined {
  try {
    const value = JSON.parse(readFileSync(path, 'utf8')) as T | null // this user's own command wrote it; its format is checked
    return value?.format === 1 ? value : undefined
  } catch {
    return undefined
  }
}

export function specFile({ versions }: GkeFolders, deploymentId: string): string {
  return join(versions, `${deploymentId}.json`)
}

/** Held by the command that makes a version, until the platform has accepted it. */
export function makerLock({ versions }: GkeFolders, deploymentId: string): string {
  return join(versions, `${deploymentId}.lock`)
}

export function buildFolder({ builds }: GkeFolders, deploymentId: string): string {
  return join(builds, deploymentId)
}

/** Of the host with that key. */
export function hostFiles({ hosts, hostLogs }: GkeFolders, key: string): { readonly lock: string; readonly log: string } {
  return { lock: join(hosts, `${key}.lock`), log: join(hostLogs, `${key}.log`) }
}

function stateFile({ apps }: GkeFolders, app: string): string {
  return join(apps, `${encodeURIComponent(app)}.json`)
}

export function readSpec(folders: GkeFolders, deploymentId: string): VersionSpec | undefined {
  return readJson<VersionSpec>(specFile(folders, deploymentId))
}

export function writeApp(folders: GkeFolders, state: AppState): void {
  writeJson(stateFile(folders, state.app), state)
}

export function readApps(folders: GkeFolders): readonly AppState[] {
  return namesIn(folders.apps).flatMap((name) => (name.endsWith('.json') ? (readJson<AppState>(join(folders.apps, name)) ?? []) : []))
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return [] // nothing has been there yet
  }
}

/** Forgets a version: its spec, its build, and what its hosts said. */
export function removeVersion(folders: GkeFolders, deploymentId: string): void {
  rmSync(buildFolder(folders, deploymentId), { recursive: true, force: true })
  for (const folder of [folders.versions, folders.hostLogs])
    for (const name of namesIn(folder)) if (idOf(name) === deploymentId) rmSync(join(folder, name), { force: true })
}

/**
 * Forgets versions that no application names: of a command that was killed while it made one, or
 * whose platform was before it had accepted it. For the platform alone, between two requests.
 */
export function sweepVersions(folders: GkeFolders): void {
  const files = namesIn(folders.apps).filter((name) => name.endsWith('.json'))
  const states = readApps(folders)
  if (states.length < files.length) return // one of another release: nobody knows what it names
  const named = new Set(states.flatMap(({ versions }) => versions))
  const found = new Set([...namesIn(folders.versions), ...namesIn(folders.builds)].map(idOf))
  for (const id of found) if (!named.has(id) && lockHolder(makerLock(folders, id)) === undefined) removeVersion(folders, id)
}

/** Of the version to which a file belongs. */
function idOf(name: string): string {
  return name.split('.')[0] ?? name
}

export function removeApp(folders: GkeFolders, app: string): void {
  rmSync(stateFile(folders, app), { force: true })
}
