import { layoutTraffic } from './layout.js'

const edge = (caller: string, component: string, isRemote = true) => ({ caller, component, isRemote })

describe('the picture of the traffic', () => {
  it('has each component once, callers before those they call, and an edge for each way', () => {
    const { nodes, edges, width, height } = layoutTraffic([
      edge('main', 'a'),
      edge('main', 'a', false),
      edge('a', 'b'),
      edge('b', 'a'), // a circle
      edge('b', 'b', false), // itself
    ])
    expect(nodes.map(({ name }) => name)).toEqual(['a', 'b', 'main'])
    const x = Object.fromEntries(nodes.map((node) => [node.name, node.x]))
    expect([x['main'] ?? NaN, x['a'] ?? NaN, x['b'] ?? NaN].toSorted((a, b) => a - b)).toEqual([x['main'], x['a'], x['b']])
    expect(edges.map(({ path }) => /^M[\d.]+ [\d.]+(L[\d.]+ [\d.]+)+$/.test(path))).toEqual([true, true, true, true, true])
    expect(new Set(edges.map(({ path }) => path)).size).toBe(5)
    for (const node of nodes) {
      expect(node.x + node.width).toBeLessThanOrEqual(width)
      expect(node.y + node.height).toBeLessThanOrEqual(height)
    }
  })

  it('is empty without traffic', () => {
    expect(layoutTraffic([])).toEqual({ width: 0, height: 0, nodes: [], edges: [] })
  })

  it('has room for 300 components', () => {
    const edges = Array.from({ length: 600 }, (_, i) =>
      edge(`shop/Component${i % 150}`, `shop/Component${(i * 7 + 1 + (i % 3)) % 300}`, i % 2 === 0),
    )
    const { nodes, edges: laid } = layoutTraffic(edges)
    expect(nodes.length).toBeGreaterThan(250)
    expect(laid).toHaveLength(600)
    expect(new Set(nodes.map(({ x, y }) => `${x} ${y}`)).size).toBe(nodes.length)
  })
})
