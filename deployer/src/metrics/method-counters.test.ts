import type { MetricFamily } from '@weaver/sdk/contract'
import { methodCounters } from './method-counters.js'

const LABELS = ['caller', 'component', 'method', 'remote']
const counter = (name: string, labels: readonly string[], series: MetricFamily['series']): MetricFamily => ({
  name,
  kind: 'counter',
  help: '',
  labels,
  series,
})

it('local and remote calls of a method count together, and a request is failed when its answer is the fault of the server, or nobody waited for it', () => {
  const local = ['weaver/Main', 'shop/Cart', 'add', 'false']
  const remote = ['weaver/Main', 'shop/Cart', 'add', 'true']
  const families: MetricFamily[] = [
    counter('weaver_method_calls_total', LABELS, [
      { labels: local, value: 60 },
      { labels: remote, value: 40 },
    ]),
    counter('weaver_method_errors_total', LABELS, [{ labels: remote, value: 3 }]),
    {
      ...counter('weaver_method_latency_seconds', LABELS, [
        { labels: local, value: 0.1, buckets: [1, 0] },
        { labels: remote, value: 1, buckets: [30, 10] },
      ]),
      kind: 'histogram',
      bounds: [0.01],
    },
    counter(
      'weaver_http_requests_total',
      ['listener', 'method', 'code'],
      ['200', '404', '500', '503', 'aborted'].map((code) => ({ labels: ['lis', 'GET', code], value: 10 })),
    ),
  ]
  expect(methodCounters({ kind: 'metrics', replica: 'a', group: 'g', versionId: 'v', families })).toEqual({
    replica: 'a',
    methods: [
      {
        caller: 'weaver/Main',
        component: 'shop/Cart',
        method: 'add',
        calls: 100,
        errors: 3,
        latency: { bounds: [0.01], buckets: [31, 10] },
      },
      { caller: undefined, component: 'listener lis', method: 'GET', calls: 50, errors: 30 },
    ],
  })
})
