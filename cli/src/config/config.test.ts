import type { ComponentGraph } from '@weaver/sdk/contract'
import { GRAPH } from '../testing/fixtures.js'
import { loadConfig, parseConfig } from './load-config.js'
import { locateTomlKeys } from './toml-positions.js'
import { buildWeaverApp } from './weaver-app-manifest.js'

const graph = GRAPH as unknown as ComponentGraph // readonly all the way down
const read = (text: string): ReturnType<typeof parseConfig> => parseConfig(text, { path: '/shop/weaver.toml', file: 'weaver.toml' })
const problemsOf = (work: () => unknown): readonly string[] => {
  try {
    work()
  } catch (error) {
    expect(error).toMatchObject({ code: 'WEAVER_CLI_CONFIG_INVALID' })
    return (error as Error).message.split('\n')
  }
  return []
}
const manifestOf = (text: string, options: Partial<Parameters<typeof buildWeaverApp>[1]> = {}): ReturnType<typeof buildWeaverApp> =>
  buildWeaverApp(read(text), { image: 'r.example/shop:1', graph, ...options })

describe('positions of TOML keys', () => {
  const text = [
    '# comment with [table] and "quotes"',
    'top = """a',
    'key = 1""""', // a quote just before the closing ones
    "[a . 'b.c']  # x",
    'd.e = { f = [1, { g = "]" }], "h i" = \'}\' } # }',
    'list = [ # [',
    '  "x", # ]',
    '  "y",',
    ']',
    '[[t]]',
    'n = 1',
    '[[t]]',
    'n = 2',
    '[t.sub]',
    'k = 2020-01-01T00:00:00Z',
    '"\\u0061b" = 1',
  ].join('\n')
  const { find } = locateTomlKeys(text)

  it.each([
    [['top'], 2, 1],
    [['a'], 4, 2],
    [['a', 'b.c'], 4, 6],
    [['a', 'b.c', 'd', 'e'], 5, 3],
    [['a', 'b.c', 'd', 'e', 'f'], 5, 9],
    [['a', 'b.c', 'd', 'e', 'f', 1, 'g'], 5, 19],
    [['a', 'b.c', 'd', 'e', 'h i'], 5, 31],
    [['a', 'b.c', 'list', 1], 8, 3],
    [['t', 0, 'n'], 11, 1],
    [['t', 1, 'n'], 13, 1],
    [['t', 1, 'sub', 'k'], 15, 1],
    [['t', 1, 'sub', 'ab'], 16, 1],
  ])('%j is at %d:%d', (path, line, column) => expect(find(path)).toEqual({ line, column }))

  it('of a key that is not there are those of what is around it', () => {
    expect(find(['a', 'b.c', 'd', 'nothing'])).toEqual({ line: 5, column: 1 })
    expect(find(['nothing'])).toEqual({ line: 1, column: 1 })
  })
})

describe('weaver.toml', () => {
  it('has the shape of the original, with configuration by component', () => {
    const config = read(
      '[serviceweaver]\nname = "shop"\nbinary = "dist/main.js"\nargs = ["-v"]\nenv = ["A=b=c", "E="]\nrollout = "5m"\n["shop/Cart"]\nsize = 3\nsince = 2020-01-01\n[single]\nlisteners.lis = { address = "localhost:1" }\n[ssh]\nlocations = ["m1"]\n[gke-local]\nanything = 1\n',
    )
    expect(config).toMatchObject({
      application: { name: 'shop', binary: 'dist/main.js', args: ['-v'], env: ['A=b=c', 'E='], rollout: '5m' },
      single: { listeners: { lis: { address: 'localhost:1' } } },
      ssh: { locations: ['m1'] },
      components: { 'shop/Cart': { size: 3, since: '2020-01-01' } },
      folder: '/shop',
    })
  })

  it('may say [weaver], but not both', () => {
    expect(read('[weaver]\nname = "shop"').application.name).toBe('shop')
    expect(problemsOf(() => read('[weaver]\n[serviceweaver]'))).toEqual([
      'weaver.toml:1:2: weaver: is the same as [serviceweaver]; put everything into one of them',
    ])
  })

  it('with bad syntax gives the place', () => {
    expect(problemsOf(() => read('[serviceweaver]\nname = shop\n'))).toEqual([
      expect.stringMatching(/^weaver\.toml:2:8: .+; correct the TOML syntax$/),
    ])
  })

  it.each([
    ['[shop/Prices]', 6, '["shop/Prices"]'],
    ['  [[ shop/Prices ]] # all', 10, '[["shop/Prices"]]'],
    ['shop/Prices = { a = 1 }', 5, '"shop/Prices"'],
  ])('with %s says that a name with a slash needs quotes', (line, column, quoted) => {
    expect(problemsOf(() => read(`[single]\n${line}\n`))).toEqual([
      `weaver.toml:2:${column}: illegal character in key; a name with a slash needs quotes: ${quoted}`,
    ])
  })

  it('with an address in place of a table with one, or with what is not an address, says how it is written', () => {
    expect(
      problemsOf(() => read('[single]\nlisteners.web = "localhost:8080"\n[multi.listeners]\na = 80\nb.address = "localhost:65536"')),
    ).toEqual([
      'weaver.toml:2:11: single.listeners.web: "localhost:8080" is not a table; write it as { address = "localhost:8080" }',
      'weaver.toml:4:1: multi.listeners.a: 80 is not a table; write it as { address = "localhost:8080" }',
      'weaver.toml:5:3: multi.listeners.b.address: "localhost:65536" is not an address; write it as "localhost:8080", with port 0 for any free one',
    ])
  })

  it('with mistakes gives all of them at once, with place, key and remedy', () => {
    const text =
      '[serviceweaver]\nbinry = "x"\nname = 3\nenv = ["A"]\n\n[kube]\nlisteners.lis.prt = 1\nreplicas = "many"\nrollout.on_failure = "panic"\ntraffic.driver = "proxy"\n[[kube.groups]]\nname = "g"\n[servcie]\n[Cart]\n'
    expect(problemsOf(() => read(text))).toEqual([
      'weaver.toml:2:1: serviceweaver.binry: is not a known key; did you mean "binary"?',
      'weaver.toml:3:1: serviceweaver.name: 3 is not a string; give a string',
      'weaver.toml:4:8: serviceweaver.env[0]: "A" is not KEY=value; write it as "KEY=value", the key of letters, digits, "_", "-" and "."',
      'weaver.toml:7:15: kube.listeners.lis.prt: is not a known key; did you mean "port"?',
      'weaver.toml:8:1: kube.replicas: "many" is not a number of replicas; give a number, or a table such as { min = 1, max = 10, cpu = 80 }',
      'weaver.toml:9:9: kube.rollout.on_failure: "panic" is not allowed; use "rollback", "pause"',
      'weaver.toml:11:8: kube.groups[0].components: is missing; give it',
      expect.stringMatching(/^weaver\.toml:13:2: servcie: is not a section; /),
      expect.stringMatching(/^weaver\.toml:14:2: Cart: is not a section; .*\["package\/Cart"\]$/),
    ])
  })

  it('that colocates a component twice is refused', () => {
    expect(problemsOf(() => read('[serviceweaver]\ncolocate = [["a/B"],\n ["a/C", "a/B"]]'))).toEqual([
      'weaver.toml:3:10: serviceweaver.colocate[1][1]: component "a/B" appears twice; leave it in one list: a component runs in one group',
    ])
  })

  it('that is not there, or a folder, is named', async () => {
    await expect(loadConfig('none.toml', '/')).rejects.toMatchObject({
      code: 'WEAVER_CLI_CONFIG_INVALID',
      message: expect.stringContaining('there is no file "none.toml"'),
    })
    await expect(loadConfig('tmp', '/')).rejects.toMatchObject({
      message: expect.stringContaining('give the file, such as tmp/weaver.toml'),
    })
  })
})

describe('the WeaverApp of a weaver.toml', () => {
  it('says what the file says, and no more', () => {
    const { manifest } = manifestOf(
      '[serviceweaver]\nname = "shop"\nenv = ["A=b"]\nrollout = "5m"\ncolocate = [["weaver/Main"]]\n["shop/Cart"]\nsize = 3\n[kube]\nnamespace = "prod"\nlisteners.lis = { port = 8080, public = true, hosts = ["shop.example"] }\nresources.requests.cpu = "100m"\nrollout.progress_deadline = "1m"\ntraffic.affinity = { key = { cookie = "sid" }, carriers = [], max_age = "2h" }\n[[kube.groups]]\nname = "carts"\ncomponents = ["shop/Cart"]\nreplicas = { min = 2, max = 4 }\n',
    )
    expect(manifest).toEqual({
      apiVersion: 'weaver.dev/v1alpha1',
      kind: 'WeaverApp',
      metadata: { name: 'shop', namespace: 'prod' },
      spec: {
        image: 'r.example/shop:1',
        config: { 'shop/Cart': { size: 3 } },
        env: [{ name: 'A', value: 'b' }],
        groups: [
          { name: 'carts', components: ['shop/Cart'], replicas: { min: 2, max: 4 } },
          { name: 'main', components: ['weaver/Main'] },
        ],
        listeners: [{ name: 'lis', port: 8080, public: true, hosts: ['shop.example'] }],
        resources: { requests: { cpu: '100m' } },
        rollout: { duration: '5m', progressDeadline: '1m' },
        traffic: { affinity: { key: { cookie: 'sid' }, carriers: [], maxAge: '2h' } },
      },
    })
  })

  it('is as small as the file: name of the package, listeners of the graph', () => {
    expect(manifestOf('', { packageName: '@acme/shop' }).manifest).toMatchObject({
      metadata: { name: 'shop' },
      spec: { image: 'r.example/shop:1', listeners: [{ name: 'lis' }] },
    })
  })

  it('with kube.replicas has a group for every component', () => {
    expect(manifestOf('[kube]\nreplicas = 3').manifest.spec.groups).toEqual([
      { name: 'cart', components: ['shop/Cart'], replicas: { min: 3 } },
      { name: 'main', components: ['weaver/Main'], replicas: { min: 3 } },
    ])
    const { graph: _, ...withoutGraph } = { image: 'x', graph }
    expect(problemsOf(() => buildWeaverApp(read('[kube]\nreplicas = 3'), withoutGraph))).toEqual([
      expect.stringMatching(/^weaver\.toml:2:1: kube\.replicas: needs the component graph.*weaver generate/),
    ])
  })

  it('lets steps of [kube] stand in place of the rollout of the application', () => {
    expect(
      manifestOf('[serviceweaver]\nrollout = "5m"\n[kube.rollout]\nsteps = [{ weight = 50, hold = "1s" }, { weight = 100 }]').manifest.spec
        .rollout,
    ).toEqual({
      steps: [{ weight: 50, hold: '1s' }, { weight: 100 }],
    })
  })

  it('compares versions as kube.rollout.analysis says, with all defaults too', () => {
    const analysisOf = (text: string): unknown => manifestOf(`[kube.rollout]\n${text}`).spec.rollout.analysis
    const defaults = {
      mode: 'enforce',
      maxErrorRateIncrease: 1,
      maxLatencyFactor: 1.5,
      minSamples: 50,
      initialDelay: '10s',
      onInconclusive: 'wait',
    }
    expect([analysisOf(''), analysisOf('analysis = {}')]).toEqual([undefined, defaults])
    expect(
      analysisOf('analysis = { mode = "dryRun", max_error_rate_increase = 0.5, min_samples = 200, on_inconclusive = "abort" }'),
    ).toEqual({ ...defaults, mode: 'dryRun', maxErrorRateIncrease: 0.5, minSamples: 200, onInconclusive: 'abort' })
    expect(problemsOf(() => manifestOf('[kube.rollout]\nstrategy = "cutover"\nanalysis = {}'))).toEqual([
      expect.stringMatching(/^weaver\.toml:3:1: kube\.rollout\.analysis: in a cutover the versions do not serve side by side/),
    ])
  })

  it('that cannot be is refused at the place in weaver.toml where it comes from', () => {
    const text =
      '[serviceweaver]\nname = "Shop"\nrollout = "soon"\ncolocate = [["shop/Cart"]]\n[[kube.groups]]\nname = "g"\ncomponents = ["shop/Cart"]\n'
    expect(problemsOf(() => manifestOf(text)).map((line) => line.split(': ').slice(0, 2).join(': '))).toEqual([
      'weaver.toml:2:1: serviceweaver.name',
      'weaver.toml:3:1: serviceweaver.rollout',
    ])
    expect(problemsOf(() => manifestOf(text.replace('Shop', 'shop').replace('soon', '5m')))).toEqual([
      expect.stringMatching(
        /^weaver\.toml:4:14: serviceweaver\.colocate\[0\]\[0\]: component "shop\/Cart" is claimed by group "g" and by group "cart"; /,
      ),
    ])
  })

  it('is compared with the graph: components, listeners and configuration that the build has not', () => {
    const text =
      '[serviceweaver]\ncolocate = [["shop/Cat", "weaver/Main"]]\n["shop/Crt"]\nsize = 1\n["shop/Cart"]\nsizes = 1\n[kube]\nlisteners.list.port = 80\n'
    expect(problemsOf(() => manifestOf(text, { packageName: 'shop' }))).toEqual([
      expect.stringMatching(/^weaver\.toml:2:14: serviceweaver\.colocate\[0\]\[0\]: .*"shop\/Cat".*did you mean "shop\/Cart"\?/),
      expect.stringMatching(/^weaver\.toml:3:2: "shop\/Crt": .*did you mean "shop\/Cart"\?/),
      expect.stringMatching(/^weaver\.toml:6:1: "shop\/Cart"\.sizes: .*did you mean "size"\?/),
      expect.stringMatching(/^weaver\.toml:8:11: kube\.listeners\.list: .*did you mean "lis"\?/),
    ])
  })
})
