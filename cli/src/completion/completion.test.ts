// The bash script runs in a real bash, as it does at a Tab key; what zsh and fish get is compared
// with the command tree.
import { execFile } from 'node:child_process'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { commandsBelow, inertProgram } from '../reference/cli-reference.js'
import { makeTree } from '../testing/fixtures.js'
import { bashCompletion } from './bash.js'
import { completionNodes } from './completion-tree.js'
import { fishCompletion } from './fish.js'
import { zshCompletion } from './zsh.js'

let nodes: ReturnType<typeof completionNodes>
let folder: string
beforeAll(async () => {
  nodes = completionNodes(await inertProgram())
  folder = await makeTree({ 'weaver.toml': '', 'a b.toml': '', 'notes.md': '', 'app/weaver.toml': '', 'kube/x': '' })
})
afterAll(() => rm(folder, { recursive: true }))

/** What bash proposes at the end of a line; words as bash splits them. */
async function complete(...words: readonly string[]): Promise<readonly string[]> {
  const script = `${bashCompletion(nodes)}
    COMP_WORDS=(weaver "$@"); COMP_CWORD=$#
    "$(complete -p weaver | sed 's/.*-F \\([^ ]*\\) .*/\\1/')" weaver
    printf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout } = await promisify(execFile)('bash', ['-uc', script, 'bash', ...words], { cwd: folder })
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .sort()
}

describe('completion in bash', () => {
  it('proposes commands, those of commands, and what begins like what was typed', async () => {
    expect(await complete('')).toEqual([
      'callgraph',
      'completion',
      'config',
      'dev',
      'diff',
      'generate',
      'gke-local',
      'image',
      'init',
      'kube',
      'multi',
      'operator',
      'single',
      'ssh',
      'version',
    ])
    expect(await complete('kube', '')).toEqual([
      'abort',
      'burn',
      'delete',
      'deploy',
      'explain',
      'history',
      'logs',
      'manifest',
      'pause',
      'promote',
      'restart',
      'resume',
      'retry',
      'rollback',
      'status',
    ])
    expect(await complete('kube', 'de')).toEqual(['delete', 'deploy'])
    expect(await complete('completion', '')).toEqual(['bash', 'fish', 'zsh'])
  })

  it('proposes flags, also after arguments', async () => {
    expect(await complete('kube', 'status', '-')).toEqual([
      '--all-namespaces',
      '--context',
      '--help',
      '--json',
      '--kubeconfig',
      '--namespace',
      '--watch',
      '-A',
      '-h',
      '-n',
      '-w',
    ])
    expect(await complete('kube', 'deploy', 'weaver.toml', '--no-')).toEqual(['--no-build', '--no-force'])
  })

  it('proposes the values of a flag, also after an equals sign, and nothing where it knows none', async () => {
    expect(await complete('kube', 'deploy', '--engine', '')).toEqual(['auto', 'buildah', 'docker', 'none', 'podman'])
    expect(await complete('kube', 'deploy', '--engine', '=')).toEqual(['auto', 'buildah', 'docker', 'none', 'podman'])
    expect(await complete('kube', 'deploy', '--engine', '=', 'po')).toEqual(['podman'])
    expect(await complete('kube', 'status', '-n', '')).toEqual([])
    expect(await complete('kube', 'status', '--kubeconfig', 'n')).toEqual(['notes.md'])
  })

  it('proposes files of the kind that a command takes, with blanks in their names, and folders on the way to them', async () => {
    expect(await complete('kube', 'deploy', '')).toEqual(['a b.toml', 'app', 'kube', 'weaver.toml'])
    expect(await complete('kube', 'deploy', 'app/')).toEqual(['app/weaver.toml'])
    await mkdir(join(folder, 'app/src'), { recursive: true })
    expect(await complete('generate', 'a')).toEqual(['app'])
  })

  it('is not led astray by an application that is named like a command', async () => {
    expect(await complete('kube', 'status', 'deploy', '--w')).toEqual(['--watch'])
  })
})

describe.each([
  ['zsh', zshCompletion],
  ['fish', fishCompletion],
])('completion in %s', (_shell, scriptOf) => {
  it('knows every command and every flag', async () => {
    const script = scriptOf(nodes)
    for (const [path, command] of commandsBelow(await inertProgram())) {
      expect(script).toContain(path)
      for (const { long } of command.options) expect(script).toMatch(new RegExp(`(--| -l )${String(long).slice(2)}\\b`))
    }
  })
})
