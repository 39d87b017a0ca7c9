import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { hashOf, stampOf } from './input-cache.js'

const HERE = dirname(fileURLToPath(import.meta.url))

/** The release of this generator; a graph names the one that wrote it. */
export const GENERATOR_VERSION = (JSON.parse(readFileSync(join(HERE, '../package.json'), 'utf8')) as { readonly version: string }).version // our own package.json

/**
 * Changes whenever the generator itself does, also between releases: a record written by another
 * one is void.
 */
export function generatorStamp(): string {
  const files = readdirSync(HERE).filter((file) => /\.[jt]s$/.test(file))
  return hashOf([GENERATOR_VERSION, ...files.map((file) => `${file} ${stampOf(join(HERE, file))}`)].join('\n'))
}
