/**
 * HTML that is safe to send. It is made by `html` alone, so that no text gets into a page as it
 * came.
 */
export class Html {
  readonly #text: string

  constructor(parts: readonly string[], values: readonly unknown[]) {
    this.#text = parts.reduce((text, part, at) => text + escape(values[at - 1]) + part)
  }

  toString(): string {
    return this.#text
  }
}

/**
 * Whatever is put in is escaped, for the text of an element and for an attribute in double quotes.
 * `Html` stays as it is, lists are joined, `undefined` is nothing.
 */
export function html(parts: TemplateStringsArray, ...values: readonly unknown[]): Html {
  return new Html(parts, values)
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function escape(value: unknown): string {
  if (value === undefined) return ''
  if (value instanceof Html) return value.toString()
  if (Array.isArray(value)) return value.map(escape).join('')
  return String(value).replaceAll(/[&<>"']/g, (found) => ENTITIES[found] ?? found)
}
