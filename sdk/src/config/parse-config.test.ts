import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { z } from 'zod'
import { parseConfig } from './parse-config.js'
import { PROCESS_SOURCE, resolveReferences, type ReferenceSource } from './references.js'

const source: ReferenceSource = {
  env: { TOKEN: 'tok-123', EMPTY: '', PORT: '8080' },
  readFile: (path) => {
    if (path === '/run/key') return 'line 1\nline 2\n'
    throw Object.assign(new Error('secret-in-message'), { code: 'EACCES' })
  },
}
const resolve = (value: unknown) => resolveReferences(value, source)

describe('references in configuration', () => {
  it.each([
    ['nothing', 'nothing'],
    ['${env:TOKEN}', 'tok-123'],
    ['Bearer ${env:TOKEN}/${env:EMPTY}.', 'Bearer tok-123/.'],
    ['${file:/run/key}', 'line 1\nline 2'],
    ['$${env:TOKEN}', '${env:TOKEN}'],
    ['$$${env:TOKEN}', '$${env:TOKEN}'],
    ['$5 and {env:TOKEN}', '$5 and {env:TOKEN}'],
    ['${env:TOKEN', '${env:TOKEN'],
    [[1, { a: ['${env:TOKEN}'] }, null, true], [1, { a: ['tok-123'] }, null, true]], // prettier-ignore
  ])('%j is %j', (given, expected) => expect(resolve(given)).toMatchObject({ value: expected, problems: [] }))

  it.each([
    ['${env:NONE}', '"a.0": ${env:NONE}: there is no environment variable "NONE"; set it for this process'],
    ['${env:A B}', '"a.0": ${env:A B} names no environment variable; write it as ${env:NAME}'],
    ['${file:key}', '"a.0": ${file:key} needs an absolute path, such as ${file:/run/secrets/key}'],
    ['${file:/other}', '"a.0": ${file:/other}: the file cannot be read (EACCES); mount it for this process'],
    ['${vault:x}', '"a.0": ${vault:x} is not a reference; use ${env:NAME} or ${file:/path}, and $${ where the text itself is meant'],
    ['${}', '"a.0": ${} is not a reference; use ${env:NAME} or ${file:/path}, and $${ where the text itself is meant'],
  ])('%s is refused', (given, problem) => expect(resolve({ a: [given] }).problems).toEqual([problem]))

  it('does not look for references in what a reference stands for', () => {
    expect(resolveReferences('${env:A}', { ...source, env: { A: '${env:B}', B: 'b' } }).value).toBe('${env:B}')
  })

  it('leaves what it was given as it is', () => {
    const given = { a: { b: '${env:TOKEN}' } }
    resolve(given)
    expect(given).toEqual({ a: { b: '${env:TOKEN}' } })
  })

  it('reads real files and the real environment', () => {
    const folder = mkdtempSync(join(tmpdir(), 'weaver-references-'))
    try {
      writeFileSync(join(folder, 'key'), 'from a file\r\n')
      expect(resolveReferences(`\${file:${join(folder, 'key')}} \${env:PATH}`, PROCESS_SOURCE).value).toBe(
        `from a file ${process.env['PATH']}`,
      )
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('configuration of a component', () => {
  const parse = (schema: z.ZodType, given: unknown) => parseConfig(schema, given, source)

  it('is parsed with its references replaced, and numbers may come from them', () => {
    const schema = z.strictObject({ token: z.string(), port: z.coerce.number() })
    expect(parse(schema, { token: '${env:TOKEN}', port: '${env:PORT}' })).toEqual({ value: { token: 'tok-123', port: 8080 } })
  })

  it('of nothing is that of an empty object', () => {
    expect(parse(z.strictObject({ size: z.number().default(3) }), undefined)).toEqual({ value: { size: 3 } })
  })

  it('tells an unknown key with the nearest known one, however deep', () => {
    const schema = z.strictObject({
      pool: z.strictObject({ size: z.number() }).optional(),
      hosts: z.array(z.strictObject({ name: z.string() })).default([]),
    })
    expect(parse(schema, { pol: 1, pool: { size: 1, sise: 2 }, hosts: [{ name: 'a', nmae: 'b' }] })).toEqual({
      problems: [
        '"pool.sise" is not a key of it; did you mean "size"?',
        '"hosts.0.nmae" is not a key of it; known are "name"',
        '"pol" is not a key of it; did you mean "pool"?',
      ],
    })
  })

  it('tells no secret, though a check of the schema quotes what it was given', () => {
    const schema = z.strictObject({ token: z.string().refine(() => false, { error: ({ input }) => `${String(input)} is too weak` }) })
    expect(parse(schema, { token: 'x-${env:TOKEN}' })).toEqual({ problems: ['"token": x-*** is too weak'] })
  })

  it.each([
    ['a text of several lines with quotes', 'line 1\n"line" 2'],
    ['a path with backslashes', 'C:\\keys\\one'],
  ])('tells no secret that a check quotes as JSON, in a URL or as it is printed: %s', (_, secret) => {
    const quotes = [
      (input: unknown) => JSON.stringify(input),
      (input: unknown) => JSON.stringify(JSON.stringify(input)),
      (input: unknown) => inspect(input),
      (input: unknown) => encodeURIComponent(String(input)),
    ]
    const parts = secret.split(/[\\\n"]+/)
    for (const quote of quotes) {
      const schema = z.strictObject({ key: z.string().refine(() => false, { error: ({ input }) => `${quote(input)} is too weak` }) })
      const parsed = parseConfig(schema, { key: '${env:TOKEN}' }, { ...source, env: { TOKEN: secret } })
      expect(parsed).toEqual({ problems: [expect.stringContaining('***') as unknown] })
      for (const part of parts) if (part.length > 1) expect(JSON.stringify(parsed)).not.toContain(part)
    }
  })

  it('may be parsed by anything that parses', () => {
    const failing = {
      parse: (): never => {
        throw new Error('tok-123 is no good')
      },
    }
    expect(parseConfig(failing, '${env:TOKEN}', source)).toEqual({ problems: ['*** is no good'] })
  })
})
