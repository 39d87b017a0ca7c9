// What `weaver generate` costs in CPU: cold, with nothing changed, and after an edit under --watch;
// beside it `tsc --noEmit` of the same package in the same run. `npm run bench:generate -- --help`.
import { spawn, type ChildProcess } from 'node:child_process'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { moduleOf, writeManyComponents } from './many-components.js'

const { values: flags } = parseArgs({
  options: {
    components: { type: 'string', default: '50' },
    rounds: { type: 'string', default: '4' },
    help: { type: 'boolean', short: 'h', default: false },
  },
})
if (flags.help) {
  process.stdout.write('Usage: npm run bench:generate -- [--components 50] [--rounds 4]\nNeeds a build: npm run build.\n')
  process.exit(0)
}

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))
const WEAVER = path('../../../cli/bin/weaver.js')
const TSC = path('../../../node_modules/typescript/bin/tsc')
const PROBE = new URL('cpu-probe.js', import.meta.url).href
/** Seconds, for 50 components. */
const GOALS = { cold: 2.5, unchanged: 0.3, edit: 0.2 }

interface Measured {
  readonly cpu: number
  readonly wall: number
}

/** Runs a program of node to its end. */
async function measure(args: readonly string[]): Promise<Measured> {
  const start = performance.now()
  const child = spawn(process.execPath, ['--import', PROBE, ...args], { stdio: ['ignore', 'ignore', 'inherit', 'pipe'] })
  const [cpu, code] = await Promise.all([text(child), new Promise((resolve) => child.on('exit', resolve))])
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${String(code)}`)
  return { cpu: Number(cpu), wall: (performance.now() - start) / 1_000 }
}

async function text(child: ChildProcess): Promise<string> {
  let all = ''
  for await (const chunk of child.stdio[3] as NodeJS.ReadableStream) all += String(chunk) // a pipe, by the options above
  return all
}

/** Edits a file under `weaver generate --watch` time and again. */
async function measureEdits(folder: string, rounds: number): Promise<readonly Measured[]> {
  const child = spawn(process.execPath, ['--import', PROBE, WEAVER, 'generate', folder, '--watch', '--json'], {
    stdio: ['ignore', 'pipe', 'inherit', 'pipe', 'ipc'],
  })
  const results = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]() // piped
  const nextResult = async (): Promise<void> => {
    // JSON over several lines; the last one closes it
    for (let line = await results.next(); line.done !== true; line = await results.next()) if (line.value === '}') return
    throw new Error('the watcher ended')
  }
  const cpu = (): Promise<number> =>
    new Promise((resolve) => {
      child.once('message', (seconds) => resolve(Number(seconds)))
      child.send('cpu')
    })
  await nextResult()
  const found: Measured[] = []
  const file = join(folder, 'src', `${moduleOf(3)}.ts`)
  for (let round = 0; round < rounds + 2; round++) {
    await new Promise((resolve) => setTimeout(resolve, 300))
    const before = await cpu()
    const start = performance.now()
    writeFileSync(file, readFileSync(file, 'utf8').replace(/find(\d*)\(id/g, `find${round}(id`))
    await nextResult()
    // the first two compile what no run before needed
    if (round > 1) found.push({ cpu: (await cpu()) - before, wall: (performance.now() - start) / 1_000 })
  }
  child.kill('SIGINT')
  await new Promise((resolve) => child.on('exit', resolve))
  return found
}

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

const folder = mkdtempSync(join(tmpdir(), 'weaver-bench-'))
try {
  const components = Number(flags.components)
  const rounds = Number(flags.rounds)
  writeManyComponents(folder, components)
  const rows: Record<'empty' | 'cold' | 'unchanged' | 'tsc' | 'edit', Measured[]> = {
    empty: [],
    cold: [],
    unchanged: [],
    tsc: [],
    edit: [],
  }
  await measure([WEAVER, 'generate', folder]) // from now on the files are in memory
  for (let round = 0; round < rounds; round++) {
    rows.empty.push(await measure(['-e', '0']))
    appendFileSync(join(folder, 'src', `${moduleOf(round)}.ts`), `// edited in round ${round}\n`)
    rows.cold.push(await measure([WEAVER, 'generate', folder]))
    rows.unchanged.push(await measure([WEAVER, 'generate', folder]))
    rows.tsc.push(await measure([TSC, '-p', folder, '--noEmit']))
  }
  rows.edit.push(...(await measureEdits(folder, rounds)))
  const cpuOf = (row: readonly Measured[]): number => median(row.map(({ cpu }) => cpu))
  const tsc = cpuOf(rows.tsc)
  const line = (name: string, row: readonly Measured[], goal?: number): string =>
    `${name.padEnd(30)} ${cpuOf(row).toFixed(2).padStart(6)} ${median(row.map(({ wall }) => wall))
      .toFixed(2)
      .padStart(
        6,
      )}   ${(cpuOf(row) / tsc).toFixed(2).padStart(5)}   ${goal === undefined ? '' : `${goal.toFixed(1)} ${cpuOf(row) <= goal ? 'reached' : 'missed'}`}`.trimEnd()
  process.stdout.write(
    [
      `${components} components, ${4 * components} methods; medians of ${rounds} rounds, seconds`,
      `${''.padEnd(30)}    CPU   wall   ÷ tsc   goal (CPU, 50 components)`,
      line('cold', rows.cold, GOALS.cold),
      line('nothing changed', rows.unchanged, GOALS.unchanged),
      line('an edit under --watch', rows.edit, GOALS.edit),
      line('tsc --noEmit', rows.tsc),
      line('node -e 0', rows.empty),
      '',
    ].join('\n'),
  )
} finally {
  rmSync(folder, { recursive: true, force: true })
}
