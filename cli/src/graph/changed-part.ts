/** Texts shorter than this are shown whole. */
const WHOLE = 60
/** Number of words shown around a change. */
const CONTEXT = 6

/**
 * `old is now new`; of long texts, the part that differs: a method's signature contains the
 * structure of every type.
 */
export function changedPart(was: string, is: string): string {
  if (was.length <= WHOLE && is.length <= WHOLE) return `${was} is now ${is}`
  const [old, now] = [wordsOf(was), wordsOf(is)]
  let start = 0
  while (start < Math.min(old.length, now.length) && old[start] === now[start]) start++
  let end = 0
  while (end < Math.min(old.length, now.length) - start && old.at(-1 - end) === now.at(-1 - end)) end++
  const part = (words: readonly string[]): string => {
    const from = Math.max(0, start - CONTEXT)
    const to = Math.min(words.length, words.length - end + CONTEXT)
    return `${from > 0 ? '… ' : ''}${words.slice(from, to).join('').trim()}${to < words.length ? ' …' : ''}`
  }
  return `${part(old)} is now ${part(now)}`
}

/** Names with their quotes, blanks, and punctuation marks one by one. */
function wordsOf(text: string): readonly string[] {
  return text.match(/"[^"]*"|\w+|\s+|[^\w\s]/g) ?? []
}
