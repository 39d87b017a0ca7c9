#!/usr/bin/env node
// Nothing but the check of Node is loaded here: an older one could not even parse what follows.
import { readFileSync } from 'node:fs'
import module from 'node:module'

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
module.enableCompileCache() // the code of what is loaded next, kept for the next command
await import('../dist/main.js')
