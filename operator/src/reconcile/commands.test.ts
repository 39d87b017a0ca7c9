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
    }),
  ).toEqual([
    { verb: 'pause' },
    { verb: 'promoteFull' },
    { verb: 'promote', note: 'jane: tested   by hand' },
    { verb: 'retry', note: `${'x'.repeat(199)}…` },
  ])
})
