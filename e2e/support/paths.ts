import { existsSync } from 'node:fs'

/**
 * The checkout: the nearest folder above this file that has the workspace's lock file. Works from
 * the sources and from `dist`.
 */
export const repositoryRoot: URL = (() => {
  let folder = new URL('.', import.meta.url)
  while (!existsSync(new URL('package-lock.json', folder))) {
    const parent = new URL('..', folder)
    if (parent.href === folder.href) throw new Error('e2e must run inside a checkout of the repository')
    folder = parent
  }
  return folder
})()
