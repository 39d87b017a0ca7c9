/**
 * The platform's memory: JSON files, each replaced as a whole. They hold environments of
 * applications, so they are their user's alone.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { AppState } from './app-state.js'
import type { GkeFolders } from './gke-folders.js'
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

export function buildFolder({ builds }: GkeFolders, deploymentId: string): string {
  return join(builds, deploymentId)
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
  let names: readonly string[]
  try {
    names = readdirSync(folders.apps)
  } catch {
    return [] // no application has been there yet
  }
  return names.flatMap((name) => (name.endsWith('.json') ? (readJson<AppState>(join(folders.apps, name)) ?? []) : []))
}

/** Forgets a version: its spec and its build. */
export function removeVersion(folders: GkeFolders, deploymentId: string): void {
  rmSync(specFile(folders, deploymentId), { force: true })
  rmSync(buildFolder(folders, deploymentId), { recursive: true, force: true })
}

export function removeApp(folders: GkeFolders, app: string): void {
  rmSync(stateFile(folders, app), { force: true })
}
