// Installs broker and operator once for all stories, from the built packages.
import { installOperator, platformFromEnvironment } from '../dist/support/platform.js'

export default async function setup() {
  const platform = platformFromEnvironment()
  const { imageMs, installMs } = await installOperator(platform)
  process.stderr.write(`operator: image built and pushed in ${imageMs} ms, installed in ${installMs} ms\n`)
}
