/** Each command once, as short as it can be: that it runs to its table, not what it measures. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { buildPackage } from '../../scripts/build-example.js'

async function bench(
  command: string,
  ...flags: string[]
): Promise<{ readonly stdout: string; readonly stderr: string; readonly code: number }> {
  const path = fileURLToPath(new URL(`../dist/${command}/main.js`, import.meta.url))
  try {
    return { ...(await promisify(execFile)(process.execPath, [path, ...flags])), code: 0 }
  } catch (error) {
    return error as { readonly stdout: string; readonly stderr: string; readonly code: number } // execFile adds them
  }
}

beforeAll(() => buildPackage('bench'), 240_000)

describe('the commands of the benchmarks', () => {
  it('rpc measures a row', async () => {
    const flags = [
      '--rows',
      'weaver',
      '--floor',
      'weaver',
      '--payloads',
      'tiny',
      '--rounds',
      '1',
      '--seconds',
      '0.05',
      '--calm',
      '99',
      '--json',
    ]
    const { stdout, stderr, code } = await bench('rpc', ...flags)
    if (code !== 0) throw new Error(stderr)
    const { summaries } = JSON.parse(stdout) as { summaries: { rows: { row: string; figures: Record<string, number> }[] }[] }
    expect(summaries[0]?.rows.map(({ row }) => row)).toEqual(['weaver'])
    expect(summaries[0]?.rows[0]?.figures['callsPerSecond']).toBeGreaterThan(0)
  }, 300_000)

  it('local compares a call through a ref with a plain one', async () => {
    const { stdout, stderr } = await bench('local', '--rounds', '1', '--calls', '1000', '--heap', '1000')
    expect(stdout + stderr).toContain('call through a ref ÷ plain call, defaults')
  }, 300_000)

  it('memory tells growth, concurrent calls and the flood', async () => {
    const { stdout, stderr } = await bench('memory', '--calls', '200', '--concurrent', '100', '--hold', '1', '--flood', '100')
    expect(stdout + stderr).toContain('100 concurrent calls over idle')
    expect(stdout + stderr).toContain('100 answered')
  }, 300_000)

  it('proxy compares ours with others', async () => {
    const { stdout, stderr } = await bench('proxy', '--rounds', '1', '--seconds', '0.05')
    expect(stdout + stderr).toMatch(/^@weaver\/proxy +\d+ /m)
  }, 300_000)

  it('chain goes through all components', async () => {
    const { stdout, stderr } = await bench('chain', '--runners', 'local,rpc', '--calls', '10', '--seconds', '0.05')
    expect(stdout + stderr).toMatch(/^rpc +10 /m)
  }, 300_000)

  it('boutique is visited in its three shapes', async () => {
    const { stdout, stderr } = await bench('boutique', '--rounds', '1', '--seconds', '0.3', '--visitors', '2')
    expect(stdout + stderr).toMatch(
      /^÷ one process[^]*^one process( +1\.00)+\nWeaver, eleven processes +[^]*^HTTP and JSON, eleven processes +/m,
    )
  }, 300_000)

  it('say what is wrong with their flags, and how they are used', async () => {
    const unknown = await bench('rpc', '--rows', 'nothing')
    expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('there is no row and no group "nothing"')])
    const wrong = await bench('memory', '--calls', 'many')
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('--calls is a number from 2, not "many"')])
    expect((await bench('chain', '--help')).stdout).toContain('Usage: npm run bench:chain')
  }, 300_000)
})
