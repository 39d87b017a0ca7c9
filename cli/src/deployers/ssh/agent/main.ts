/**
 * The agent that `weaver ssh` brings to a machine, as files: nothing is installed there. It loads
 * Node, the files of this folder, and what the list in ../agent-files.ts has.
 *
 *     node main.js attach LEASE_MS    what ssh runs (attach.ts)
 *     node main.js serve LEASE_MS     the agent, in the background (serve.ts)
 */
import { fileURLToPath } from 'node:url'
import { attach } from './attach.js'
import { serve } from './serve.js'

const [, , verb, lease = ''] = process.argv
const leaseMs = Number(lease)
await (verb === 'serve' ? serve(leaseMs) : attach(fileURLToPath(import.meta.url), leaseMs))
