import { anError } from '../testing/an-error.js'
import { runWeaver } from '../testing/run-weaver.js'

const weaver = (...args: readonly string[]) => runWeaver(args, { cwd: '/', env: {} })

describe('a verb without its deployer', () => {
  it('is told with every deployer that has it', async () => {
    expect(await weaver('deploy', 'weaver.toml')).toEqual(
      anError(2, "error: unknown command 'deploy'; did you mean `weaver single deploy`, `weaver multi deploy` or `weaver kube deploy`?"),
    )
    expect(await weaver('promote')).toEqual(anError(2, "unknown command 'promote'; did you mean `weaver kube promote`?"))
  })

  it('is not guessed for what no deployer has', async () => {
    expect(await weaver('deplyo')).toEqual(anError(2, "error: unknown command 'deplyo'\n(--help shows what there is)"))
  })
})
