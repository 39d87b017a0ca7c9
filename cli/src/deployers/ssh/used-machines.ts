/**
 * Machines that `weaver ssh deploy` has used from this one. What was sent stays there, for the next
 * deployment; `weaver ssh purge` deletes it.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { reasonOf } from '@weaver/sdk/contract'
import { connectSsh } from './open-ssh.js'
import { MACHINE_NAME } from './provision.js'

/** An agent whose deployer was killed ends within its lease. */
const WAIT_S = 15

/**
 * Nothing is deleted below a process that runs: also another computer may have a deployment there.
 * A machine that shares its home with others cannot see their processes: while they have folders of
 * deployments, what all of them use stays.
 *
 * A lock is the id of a process and when it began, without an end of line (takeLock).
 */
const purgeScript = (waitS: number): string => `(
  d="\${XDG_CACHE_HOME:-$HOME/.cache}/weaver/ssh"
  [ -d "$d" ] || { echo weaver-nothing; exit; }
  cd "$d" || exit
  m=${MACHINE_NAME}
  began() {
    if [ -d /proc/self ]; then
      t=$(cat "/proc/$1/stat" 2>/dev/null)
      set -- \${t##*) }
      [ "$1" = Z ] || echo "\${20}"
    else
      echo $(TZ=UTC LC_ALL=C ps -o lstart= -p "$1")
    fi
  }
  holds() {
    p= s=
    { read -r p s <"$1" || [ -n "$p" ]; } 2>/dev/null || return
    kill -0 "$p" 2>/dev/null || return
    [ -z "$s" ] || [ "$(began "$p")" = "$(echo $s)" ]
  }
  n=0
  pause() {
    n=$((n + 1))
    [ $n -gt ${waitS} ] && echo "$1" && exit
    sleep 1
  }
  for l in run/*@"$m"/agent.lock; do
    while [ -e "$l" ] && holds "$l"; do pause weaver-used; done
  done
  rm -rf run/*@"$m"
  while [ -e run ] && ! rmdir run 2>/dev/null; do pause weaver-shared; done
  cd / && rm -rf "$d"
  [ -e "$d" ] || echo "weaver-deleted $d"
)`

/** @param list the folder of the list of deployments, beside which it is kept */
const fileOf = (list: string): string => `${list}-machines`

/** @param hosts as ssh takes them */
export function rememberMachines(list: string, hosts: readonly string[]): void {
  mkdirSync(dirname(list), { recursive: true, mode: 0o700 })
  writeFileSync(fileOf(list), [...new Set([...usedMachines(list), ...hosts])].join('\n'), { mode: 0o600 })
}

function usedMachines(list: string): readonly string[] {
  try {
    return readFileSync(fileOf(list), 'utf8').split('\n').filter(Boolean)
  } catch {
    return [] // there was no deployment
  }
}

interface Purged {
  readonly text: string
  readonly isDone: boolean
}

/**
 * Deletes what was sent to them, and forgets those on which nothing is left.
 * @returns of each what became of it, in words; `isDone`: nothing is left there
 */
export async function purgeMachines(
  list: string,
  { env, waitS = WAIT_S }: { readonly env: NodeJS.ProcessEnv; readonly waitS?: number },
): Promise<readonly Purged[]> {
  const hosts = usedMachines(list)
  const purged = await Promise.all(
    hosts.map(async (host): Promise<Purged> => {
      try {
        const ssh = await connectSsh(host, purgeScript(waitS), { env, signal: new AbortController().signal })
        ssh.close()
        await ssh.ended
        return outcomeOf(host, ssh.greeting)
      } catch (error) {
        return { text: `${host}: ${reasonOf(error)}; what was sent there is in ~/.cache/weaver/ssh`, isDone: false }
      }
    }),
  )
  const left = hosts.filter((_host, i) => purged[i]?.isDone !== true)
  rmSync(fileOf(list), { force: true })
  if (left.length > 0) rememberMachines(list, left)
  return purged
}

function outcomeOf(host: string, lines: readonly string[]): Purged {
  const deleted = lines.find((line) => line.startsWith('weaver-deleted '))?.slice(15)
  if (deleted !== undefined) return { text: `deleted on ${host}: ${deleted}`, isDone: true }
  if (lines.includes('weaver-nothing')) return { text: `${host}: nothing was there`, isDone: true }
  if (lines.includes('weaver-used'))
    return { text: `${host}: a deployment of another computer runs there; nothing was deleted`, isDone: false }
  if (lines.includes('weaver-shared'))
    return {
      text: `${host}: another machine that shares its ~/.cache/weaver/ssh runs a deployment, or has left one there; purge that machine, too`,
      isDone: false,
    }
  return { text: `${host}: not all of ~/.cache/weaver/ssh could be deleted there`, isDone: false }
}
