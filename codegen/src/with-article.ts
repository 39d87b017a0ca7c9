/** By the sound of names of the language: `a Uint8Array`, `an Error`. */
export function withArticle(name: string): string {
  return `${/^[AEIOaeio]/.test(name) ? 'an' : 'a'} ${name}`
}
