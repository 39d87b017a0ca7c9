import { PARTS, shareByPart, type CpuProfile } from './profile-share.js'

const node = (id: number, functionName: string, url: string, children: number[] = []): CpuProfile['nodes'][number] => ({
  id,
  callFrame: { functionName, url },
  children,
})
const SDK = 'file:///app/node_modules/@weaver/sdk/dist'

it('puts the time of a profile to the parts by file, builtins to their caller, and leaves out idle time and the profiler', () => {
  const profile: CpuProfile = {
    nodes: [
      node(1, '(root)', '', [2, 3, 4, 5, 9, 11, 13]),
      node(2, '(idle)', ''),
      node(3, '(garbage collector)', ''),
      node(4, '(program)', ''),
      node(13, 'writev', ''),
      node(5, 'onMessage', `${SDK}/rpc/client/rpc-client.js`, [6, 8, 10]),
      node(6, 'string', `${SDK}/codec/reader.js`, [7]),
      node(7, 'latin1Slice', ''),
      node(8, 'publish', 'file:///app/node_modules/nats/lib/nats-base-client/nats.js'),
      node(9, 'writeOrder', 'file:///app/bench/dist/weaver.gen.js'),
      node(10, 'observe', `${SDK}/telemetry/histogram-series.js`),
      node(11, 'post', 'node:inspector', [12]),
      node(12, 'dispatch', ''),
    ],
    samples: [2, 12, 3, 4, 13, 5, 6, 7, 8, 9, 10],
    timeDeltas: [1_000, 1_000, 10, 5, 5, 20, 10, 10, 20, 10, 10],
  }
  const shares = shareByPart(profile)
  expect(shares).toMatchObject({
    codec: 0.3,
    'frame and rpc': 0.2,
    'nats client': 0.2,
    'garbage collector': 0.1,
    engine: 0.05,
    'writes to sockets (system calls)': 0.05,
    'metrics, traces, logs': 0.1,
  })
  expect(PARTS.reduce((sum, part) => sum + shares[part], 0)).toBeCloseTo(1)
})
