#!/usr/bin/env node
// Nothing but the check of Node is loaded here: an older one could not even parse what follows.
import { readFileSync } from 'node:fs'

const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
const needed = engines.node.replace('>=', '')
const [major, minor] = process.versions.node.split('.').map(Number)
const [neededMajor, neededMinor] = needed.split('.').map(Number)
if (major < neededMajor || (major === neededMajor && minor < neededMinor)) {
  process.stderr.write(
    `weaver needs Node ${needed} or newer, and this is ${process.versions.node}: install Node 24 LTS, https://nodejs.org/\n`,
  )
  process.exit(1)
}
await import('../dist/main.js')
