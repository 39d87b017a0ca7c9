import { balanceIn, parseGraph } from './graph.js'

const node = (name: string, more: object = {}) => ({ name, methods: [], refs: [], listeners: [], ...more })
const graph = (more: object): string =>
  JSON.stringify({ format: 1, generator: '0.1.0', fingerprint: 'ff', components: [node('a')], ...more })

describe('a component graph that came over a process border', () => {
  it('is taken as it is, with what this release does not know', () => {
    expect(parseGraph(graph({ later: 1 }))).toMatchObject({ later: 1, components: [{ name: 'a' }] })
  })

  it.each<readonly [text: string, why: RegExp]>([
    ['no json', /it is not JSON\. Run `weaver generate`/],
    ['null', /it is not an object/],
    [graph({ format: 0 }), /format 0 is unknown, this release reads 1\. Run `weaver generate` of this release/],
    [graph({ format: undefined }), /format undefined is unknown/],
    [graph({ format: 2, generator: '9.9.9' }), /format 2 is unknown.*generator 9\.9\.9: update what reads it/],
    [graph({ fingerprint: '' }), /no fingerprint/],
    [graph({ components: {} }), /no components/],
    [graph({ components: [{ name: 'a' }] }), /component "a" lacks name, methods, refs or listeners/],
    [graph({ components: [node('a'), node('a')] }), /component "a" appears twice/],
    [graph({ components: [node('a', { refs: ['b'] })] }), /"a" refers to "b", which is not in it/],
    [
      graph({ components: [node('a', { listeners: ['lis'] }), node('b', { listeners: ['lis'] })] }),
      /listener "lis" is claimed by "a" and by "b"/,
    ],
    [graph({ components: [node('a', { leader: 'me' })] }), /leader of component "a" is "me"/],
    [graph({ components: [node('a', { balance: 'luck' })] }), /balance of component "a" is "luck", not "slices" or "load"/],
  ])('%s is refused', (text, why) => {
    expect(() => parseGraph(text)).toThrow(expect.objectContaining({ code: 'WEAVER_GRAPH_INVALID', message: expect.stringMatching(why) }))
  })
})

it('a graph tells how the keys of each component are spread', () => {
  const balanceOf = balanceIn(parseGraph(graph({ components: [node('a', { balance: 'load' }), node('b')] })))
  expect(['a', 'b', 'c'].map(balanceOf)).toEqual(['load', undefined, undefined])
})
