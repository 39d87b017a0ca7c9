/**
 * Machines that `weaver ssh deploy` has used from this one. What was sent stays there, for the next
 * deployment; `weaver ssh purge` deletes it.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { reasonOf } from '@weaver/sdk/contract'
import { connectSsh } from './open-ssh.js'

/** Beside the list of deployments, whose files end in .json. */
const FILE = 'machines'
/** An agent whose deployer was killed ends within its lease. */
const WAIT_S = 15

/** Nothing is deleted below a process that runs: also another computer may have a deployment there. */
const PURGE = `(
  d="\${XDG_CACHE_HOME:-$HOME/.cache}/weaver/ssh"
  cd "$d" 2>/dev/null || exit
  n=0
  for l in run/*/agent.lock; do
    while [ -e "$l" ] && read -r p s <"$l" && kill -0 "$p" 2>/dev/null; do
      n=$((n + 1))
      [ $n -gt ${WAIT_S} ] && echo weaver-used && exit
      sleep 1
    done
  done
  cd / && rm -rf "$d" && echo "weaver-deleted $d"
)`

/** @param hosts as ssh takes them */
export function rememberMachines(folder: string, hosts: readonly string[]): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  writeFileSync(join(folder, FILE), [...new Set([...usedMachines(folder), ...hosts])].join('\n'), { mode: 0o600 })
}

function usedMachines(folder: string): readonly string[] {
  try {
    return readFileSync(join(folder, FILE), 'utf8').split('\n').filter(Boolean)
  } catch {
    return [] // there was no deployment
  }
}

/** Deletes what was sent to them. @returns of each what became of it, in words; `isDone`: nothing is left there */
export async function purgeMachines(
  folder: string,
  env: NodeJS.ProcessEnv,
): Promise<readonly { readonly text: string; readonly isDone: boolean }[]> {
  return Promise.all(
    usedMachines(folder).map(async (host) => {
      try {
        const ssh = await connectSsh(host, PURGE, { env, signal: new AbortController().signal })
        ssh.close()
        await ssh.ended
        if (ssh.greeting.includes('weaver-used'))
          return { text: `${host}: a deployment of another computer runs there; nothing was deleted`, isDone: false }
        const deleted = ssh.greeting.find((line) => line.startsWith('weaver-deleted '))?.slice(15)
        return { text: deleted === undefined ? `${host}: nothing was there` : `deleted on ${host}: ${deleted}`, isDone: true }
      } catch (error) {
        return { text: `${host}: ${reasonOf(error)}; what was sent there is in ~/.cache/weaver/ssh`, isDone: false }
      }
    }),
  )
}
