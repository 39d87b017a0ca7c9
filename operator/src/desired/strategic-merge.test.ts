import { strategicMerge } from './strategic-merge.js'

describe('strategic merge', () => {
  it.each([
    ['maps are merged, values replaced', { a: { x: 1, y: 1 }, b: 1 }, { a: { y: 2 }, b: 2 }, { a: { x: 1, y: 2 }, b: 2 }],
    [
      'containers are merged by name, new ones come last',
      { containers: [{ name: 'app', image: 'i', env: [{ name: 'A', value: '1' }] }] },
      {
        containers: [
          { name: 'log', image: 'l' },
          {
            name: 'app',
            env: [
              { name: 'B', value: '2' },
              { name: 'A', value: '3' },
            ],
          },
        ],
      },
      {
        containers: [
          {
            name: 'app',
            image: 'i',
            env: [
              { name: 'A', value: '3' },
              { name: 'B', value: '2' },
            ],
          },
          { name: 'log', image: 'l' },
        ],
      },
    ],
    [
      'mounts are told apart by their path',
      { volumeMounts: [{ name: 'a', mountPath: '/a' }] },
      { volumeMounts: [{ name: 'a', mountPath: '/b' }] },
      {
        volumeMounts: [
          { name: 'a', mountPath: '/a' },
          { name: 'a', mountPath: '/b' },
        ],
      },
    ],
    [
      'other lists are replaced',
      { tolerations: [{ key: 'a' }], args: ['x'] },
      { tolerations: [{ key: 'b' }], args: [] },
      { tolerations: [{ key: 'b' }], args: [] },
    ],
    [
      'of fields that exclude each other, the one laid over is left',
      {
        env: [
          { name: 'A', value: '1' },
          { name: 'B', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
          { name: 'C', valueFrom: { configMapKeyRef: { name: 'c', key: 'k' } } },
        ],
        volumes: [
          { name: 'v', emptyDir: {} },
          { name: 'w', configMap: { name: 'old', optional: true } },
        ],
        livenessProbe: { httpGet: { path: '/', port: 1 }, periodSeconds: 5 },
      },
      {
        env: [
          { name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
          { name: 'B', value: '2' },
          { name: 'C', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
        ],
        volumes: [
          { name: 'v', secret: { secretName: 's' } },
          { name: 'w', configMap: { name: 'new' } },
        ],
        livenessProbe: { exec: { command: ['true'] } },
      },
      {
        env: [
          { name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
          { name: 'B', value: '2' },
          { name: 'C', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
        ],
        volumes: [
          { name: 'v', secret: { secretName: 's' } },
          { name: 'w', configMap: { name: 'new', optional: true } },
        ],
        livenessProbe: { exec: { command: ['true'] }, periodSeconds: 5 },
      },
    ],
    ['what the base lacks is taken as it is', {}, { securityContext: { fsGroup: 5 } }, { securityContext: { fsGroup: 5 } }],
  ])('%s', (_title, base, over, merged) => {
    const before = JSON.stringify([base, over])
    expect(strategicMerge(base, over)).toEqual(merged)
    expect(JSON.stringify([base, over])).toBe(before)
  })
})
