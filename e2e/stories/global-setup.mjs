// Installs broker and operator once for all stories, from the built packages. Where WEAVER_STORIES_BEGIN names a file, the stories begin when it is there.
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { installOperator, platformFromEnvironment } from '../dist/support/platform.js'

export default async function setup() {
  const platform = platformFromEnvironment()
  const { imageMs, installMs } = await installOperator(platform)
  process.stderr.write(`operator: image built and pushed in ${imageMs} ms, installed in ${installMs} ms\n`)
  const isTooEarly = () => !existsSync(process.env['WEAVER_STORIES_BEGIN'] ?? '.')
  while (isTooEarly()) await sleep(500)
}
