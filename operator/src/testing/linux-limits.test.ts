import { spawnSync } from 'node:child_process'

it('a variable of the environment of 131,072 bytes starts a process, one of a byte more does not: the limit that desired/bootstrap-env.ts goes by', () => {
  const start = (bytes: number): number | null =>
    spawnSync(process.execPath, ['-e', '0'], { env: { WEAVER_BOOTSTRAP: 'x'.repeat(bytes - 'WEAVER_BOOTSTRAP='.length - 1) } }).status
  expect([start(131_072), start(131_073)]).toEqual([0, null])
})
