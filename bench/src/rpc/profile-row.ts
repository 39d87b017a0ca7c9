import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { table } from '../table.js'
import { PARTS, shareByPart, type CpuProfile } from './profile-share.js'
import type { Payload } from './row.js'
import { runRow } from './run-row.js'

const FOLDER = fileURLToPath(new URL('../profiles', import.meta.url))

export interface ProfileRun {
  readonly row: string
  readonly payloads: readonly Payload[]
  readonly seconds: number
  readonly folder: string | undefined
  readonly isJson: boolean
}

/**
 * Runs a row with both sides profiled while the 64 callers call.
 * @returns the shares of each part, as a table or as JSON
 */
export async function profileRow({ row, payloads, seconds, folder = FOLDER, isJson }: ProfileRun): Promise<string> {
  mkdirSync(folder, { recursive: true })
  const columns: { readonly title: string; readonly path: string }[] = []
  for (const payload of payloads) {
    const profiles = {
      client: join(folder, `${row}-${payload}-client.cpuprofile`),
      server: join(folder, `${row}-${payload}-server.cpuprofile`),
    }
    await runRow({ row, payload, seconds, profiles })
    for (const side of ['client', 'server'] as const) columns.push({ title: `${payload} ${side}`, path: profiles[side] })
  }
  const shares = columns.map(({ title, path }) => ({
    title,
    path,
    shares: shareByPart(JSON.parse(readFileSync(path, 'utf8')) as CpuProfile), // child.ts wrote it
  }))
  if (isJson) return `${JSON.stringify(shares, null, 2)}\n`
  const lines = PARTS.map((part) => [part, ...shares.map((column) => `${(100 * column.shares[part]).toFixed(1)} %`)])
  return `${row}: share of the CPU time that each process spent\n${table(['part', ...shares.map(({ title }) => title)], lines)}\n${columns.map(({ path }) => path).join('\n')}\n`
}
