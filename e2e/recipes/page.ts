import { readFileSync } from 'node:fs'

/** A fenced block of a page of the docs. */
interface Block {
  readonly language: string
  /**
   * What its first line, a comment, names it; without one it is a command, or the file that its
   * content says.
   */
  readonly file: string | undefined
  readonly text: string
}

/** The blocks of a page of `docs/`, or of one section of it. */
function blocksOf(page: string, section?: string): readonly Block[] {
  const text = readFileSync(new URL(`../../docs/${page}`, import.meta.url), 'utf8')
  const sections = text.split(/^## /m)
  const found = section === undefined ? text : sections.find((one) => one.startsWith(`${section}\n`))
  if (found === undefined) throw new Error(`docs/${page} has no section "${section}"`)
  return [...found.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].map(([, language = '', content = '']) => ({
    language,
    file: /^(?:\/\/|#) (\S+\.\w+)$/.exec(content.split('\n', 1)[0] ?? '')?.[1],
    text: content,
  }))
}

/** Files of a page by their paths. */
export function filesOf(page: string, section?: string): Readonly<Record<string, string>> {
  return Object.fromEntries(blocksOf(page, section).flatMap(({ file, text }) => (file === undefined ? [] : [[file, text]])))
}

/** The n-th block of a language without a file name. */
export function blockOf(page: string, at: { readonly section: string; readonly language: string; readonly index?: number }): string {
  const { section, language, index = 0 } = at
  const found = blocksOf(page, section).filter((block) => block.language === language && block.file === undefined)[index]
  if (found === undefined) throw new Error(`section "${section}" of docs/${page} has no such block of ${language}`)
  return found.text
}
