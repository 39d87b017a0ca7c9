import { commandsOf } from './commands.js'

it('reads verbs from annotations, with what their values say', () => {
  expect(
    commandsOf({
      'weaver.dev/abort': 'false',
      'weaver.dev/pause': '1',
      'weaver.dev/promote': 'jane: tested\n  by hand',
      'weaver.dev/promote-full': '',
      'weaver.dev/retry': 'x'.repeat(300),
      'weaver.dev/adopt': 'shop',
      'weaver.dev/burn': 'k7hq2m4d  jane: leaks\ntokens',
    }),
  ).toEqual([
    { verb: 'burn', version: 'k7hq2m4d', note: 'jane: leaks tokens' },
    { verb: 'pause' },
    { verb: 'promoteFull' },
    { verb: 'promote', note: 'jane: tested   by hand' },
    { verb: 'retry', note: `${'x'.repeat(199)}…` },
  ])
})

it.each([
  ['k7hq2m4d', { verb: 'burn', version: 'k7hq2m4d' }],
  ['1', { verb: 'burn' }],
  ['jane: leaks tokens', { verb: 'burn', version: 'jane:', note: 'leaks tokens' }],
])('reads the version to burn from the beginning of the value: %s', (value, command) => {
  expect(commandsOf({ 'weaver.dev/burn': value })).toEqual([command])
})
