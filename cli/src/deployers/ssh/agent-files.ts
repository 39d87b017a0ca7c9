/** The files of the agent, with those that it shares with this command. None of them loads anything but Node and the others. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { LayerFile } from '../../image/layer.js'

const FOLDER = fileURLToPath(new URL('agent/', import.meta.url))
/** Of the folder that the files are put in on a machine. */
export const AGENT_MAIN = 'deployers/ssh/agent/main.js'
const SHARED = ['process-start.js', 'process-lock.js'] as const

export function agentFiles(): readonly LayerFile[] {
  const own = readdirSync(FOLDER).filter((name) => name.endsWith('.js'))
  const door = 'node_modules/@weaver/deployer'
  return [
    text('package.json', '{ "type": "module" }'),
    ...own.map((name) => text(`deployers/ssh/agent/${name}`, readFileSync(`${FOLDER}${name}`, 'utf8'))),
    ...SHARED.map((name) => text(`deployers/local/${name}`, sourceOf(new URL(`../local/${name}`, import.meta.url).href))),
    text(`${door}/package.json`, '{ "type": "module", "exports": { "./process": "./process.js" } }'),
    text(`${door}/process.js`, sourceOf(import.meta.resolve('@weaver/deployer/process'))),
  ]
}

function sourceOf(url: string): string {
  return readFileSync(fileURLToPath(url), 'utf8')
}

function text(path: string, content: string): LayerFile {
  const data = Buffer.from(content)
  return { path, content: { data }, size: data.length, isExecutable: false }
}
