import { access } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** The folder of the nearest package.json above a file. */
export async function packageFolderOf(file: string): Promise<string | undefined> {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    try {
      await access(join(folder, 'package.json'))
      return folder
    } catch {
      if (dirname(folder) === folder) return undefined
    }
  }
}
