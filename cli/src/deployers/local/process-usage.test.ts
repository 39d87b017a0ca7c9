import { parsePs, usageOf } from './process-usage.js'

it('says what this process uses, and nothing of one that does not run', () => {
  const before = process.cpuUsage()
  const usage = usageOf([process.pid, 2 ** 22 + 1])
  expect([...usage.keys()]).toEqual([process.pid])
  const { cpuMs = 0, memoryBytes = 0 } = usage.get(process.pid) ?? {}
  // Linux counts in ticks of 10 ms.
  expect(cpuMs).toBeGreaterThanOrEqual((before.user + before.system) / 1_000 - 20)
  expect(memoryBytes).toBeGreaterThan(20_000_000)
})

it('reads what ps prints', () => {
  expect(parsePs('  12  2048   0:01.50\n 345 10 1-02:03:04\nnonsense\n')).toEqual(
    new Map([
      [12, { cpuMs: 1_500, memoryBytes: 2_097_152 }],
      [345, { cpuMs: (86_400 + 7_384) * 1_000, memoryBytes: 10_240 }],
    ]),
  )
})
