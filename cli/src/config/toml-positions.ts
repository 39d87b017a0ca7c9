// The position of each key of a TOML document. The parser (smol-toml) reports positions of syntax
// errors only, so this walks a document that is known to be valid: it follows keys, table headers
// and the nesting of values, but does not interpret values.

export interface TomlPosition {
  /** From 1. */
  readonly line: number
  /** From 1. */
  readonly column: number
}
export type TomlPath = readonly (string | number)[]

export interface TomlPositions {
  /** Position of the key, or of the nearest enclosing part that the document has; else line 1. */
  find(path: TomlPath): TomlPosition
}

/** @param text a valid TOML 1.0 document */
export function locateTomlKeys(text: string): TomlPositions {
  const scanner = new TomlScanner(text)
  scanner.run()
  return {
    find(path) {
      for (let length = path.length; length > 0; length--) {
        const offset = scanner.offsets.get(JSON.stringify(path.slice(0, length)))
        if (offset !== undefined) return positionAt(text, offset)
      }
      return { line: 1, column: 1 }
    },
  }
}

function positionAt(text: string, offset: number): TomlPosition {
  const before = text.slice(0, offset)
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') }
}

class TomlScanner {
  readonly offsets = new Map<string, number>()
  readonly #text: string
  /** Elements seen so far, by array of tables. */
  readonly #tables = new Map<string, number>()
  #at = 0
  #table: TomlPath = []

  constructor(text: string) {
    this.#text = text
  }

  run(): void {
    for (;;) {
      this.#space()
      if (this.#at >= this.#text.length) return
      if (this.#peek() === '[') this.#header()
      else this.#pair(this.#table)
    }
  }

  #header(): void {
    const isArray = this.#text.startsWith('[[', this.#at)
    this.#at += isArray ? 2 : 1
    this.#blank()
    let path: TomlPath = []
    const keys = this.#keys()
    keys.forEach(({ key, offset }, i) => {
      path = [...path, key]
      const name = JSON.stringify(path)
      const isLast = i === keys.length - 1
      if (isArray && isLast) this.#tables.set(name, (this.#tables.get(name) ?? 0) + 1)
      this.#note(path, offset)
      const count = this.#tables.get(name)
      if (count !== undefined) {
        path = [...path, count - 1]
        if (isLast) this.#note(path, offset)
      }
    })
    this.#table = path
    this.#at += isArray ? 2 : 1
  }

  #pair(table: TomlPath): void {
    let path = table
    for (const { key, offset } of this.#keys()) {
      path = [...path, key]
      this.#note(path, offset)
    }
    this.#at++ // the equals sign
    this.#blank()
    this.#value(path)
  }

  #keys(): readonly { readonly key: string; readonly offset: number }[] {
    const keys: { readonly key: string; readonly offset: number }[] = []
    for (;;) {
      const offset = this.#at
      const quote = this.#peek()
      if (quote === '"' || quote === "'") {
        const raw = this.#string()
        keys.push({ key: quote === '"' ? unescape(raw) : raw, offset })
      } else keys.push({ key: this.#skip(/[A-Za-z0-9_-]*/y), offset })
      this.#blank()
      if (this.#peek() !== '.') return keys
      this.#at++
      this.#blank()
    }
  }

  #value(path: TomlPath): void {
    const first = this.#peek()
    if (first === '"' || first === "'") this.#string()
    else if (first === '[') this.#list(path)
    else if (first === '{') this.#inlineTable(path)
    else this.#skip(/[^,\]}\n#]*/y)
  }

  #list(path: TomlPath): void {
    this.#at++
    for (let i = 0; ; i++) {
      this.#space()
      if (this.#peek() === ']' || this.#at >= this.#text.length) break
      this.#note([...path, i], this.#at)
      this.#value([...path, i])
      this.#space()
      if (this.#peek() === ',') this.#at++
    }
    this.#at++
  }

  #inlineTable(path: TomlPath): void {
    this.#at++
    for (;;) {
      this.#space()
      if (this.#peek() === '}' || this.#at >= this.#text.length) break
      this.#pair(path)
      this.#space()
      if (this.#peek() === ',') this.#at++
    }
    this.#at++
  }

  /** The text between the quotes, with its escapes. */
  #string(): string {
    const quote = this.#peek()
    const isLong = this.#text.startsWith(quote.repeat(3), this.#at)
    const close = isLong ? quote.repeat(3) : quote
    this.#at += close.length
    const start = this.#at
    while (this.#at < this.#text.length && !this.#text.startsWith(close, this.#at))
      this.#at += quote === '"' && this.#peek() === '\\' ? 2 : 1
    const end = this.#at
    this.#at += close.length
    // up to two more quotes may belong to a multi-line string
    if (isLong) this.#skip(quote === '"' ? /"{0,2}/y : /'{0,2}/y)
    return this.#text.slice(start, end)
  }

  #note(path: TomlPath, offset: number): void {
    const name = JSON.stringify(path)
    if (!this.offsets.has(name)) this.offsets.set(name, offset)
  }

  #peek(): string {
    return this.#text[this.#at] ?? ''
  }

  #blank(): void {
    this.#skip(/[ \t]*/y)
  }

  #space(): void {
    this.#skip(/(?:[ \t\r\n]|#[^\n]*)*/y)
  }

  #skip(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0] ?? ''
    this.#at += found.length
    return found
  }
}

/**
 * Decodes the escapes of a basic string used as a key. The document is valid, so only `\U` differs
 * from JSON.
 */
function unescape(raw: string): string {
  const text = raw.replaceAll(/\\U([0-9A-Fa-f]{8})/g, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)))
  return JSON.parse(`"${text.replaceAll('\t', '\\t')}"`) as string // a string literal yields a string
}
