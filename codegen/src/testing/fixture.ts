import { format } from 'prettier'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript-api'

/**
 * Packages of the tests lie inside the repository, so that `@weaver/sdk` resolves as it does for a
 * user.
 */
const FOLDER = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'testdata', 'packages')

const TSCONFIG = {
  compilerOptions: {
    target: 'ES2022',
    lib: ['ES2023'],
    module: 'NodeNext',
    moduleResolution: 'NodeNext',
    customConditions: ['@weaver/source'],
    types: ['node'],
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    noImplicitOverride: true,
    noImplicitReturns: true,
    noUnusedLocals: true,
    noUnusedParameters: true,
    noFallthroughCasesInSwitch: true,
    verbatimModuleSyntax: true,
    isolatedDeclarations: false,
    skipLibCheck: true,
    noEmit: true,
  },
  include: ['src'],
}

export interface Fixture {
  readonly folder: string
  /** Adds or replaces a file. */
  write(file: string, text: string): void
  /**
   * Compiler errors under the strictest settings, the generated file included.
   * @param more further settings; with these only the generated file is checked, since a fixture's
   * sources need not fulfil them
   */
  typeErrors(more?: ts.CompilerOptions): readonly string[]
  /** The text of `src/weaver.gen.ts`, as written and as prettier formats it. */
  generated(): string
  formatted(): Promise<string>
  /** Makes another package importable by its name. */
  link(other: { readonly folder: string; readonly name: string }): void
  /**
   * Compiles `src` to `dist` with declarations, under a published package's settings.
   * @returns errors
   */
  build(): readonly string[]
  remove(): void
}

/**
 * Parsed files of the library and the SDK, shared by all fixtures: they take most of a small
 * package's time.
 */
const outside = new Map<string, ts.SourceFile | undefined>()

function hostOf(options: ts.CompilerOptions, folder: string): ts.CompilerHost {
  const host = ts.createCompilerHost(options)
  const { getSourceFile } = host
  host.getSourceFile = (path, ...rest) => {
    if (path.startsWith(folder)) return getSourceFile.call(host, path, ...rest)
    if (!outside.has(path)) outside.set(path, getSourceFile.call(host, path, ...rest))
    return outside.get(path)
  }
  return host
}

/** Imports of all that a fixture may need, used so that none is reported as unused. */
export const IMPORTS = `import { codec, component, config, implement, lazyRef, listener, optionalRef, ref, run, type Main } from '@weaver/sdk'\nvoid [codec, component, config, implement, lazyRef, listener, optionalRef, ref, run, {} as Main]\n`

/** Creates packages that are removed after the tests of the file. */
export function fixtures(): (files: Readonly<Record<string, string>>) => Fixture {
  const made: Fixture[] = []
  import.meta.jest.setTimeout(300_000) // the compiler is slow on a busy machine
  afterAll(() => {
    for (const fixture of made) fixture.remove()
  })
  return (files) => {
    const fixture = createFixture(files)
    made.push(fixture)
    return fixture
  }
}

/** A package on disk with these files below `src/`. */
function createFixture(files: Readonly<Record<string, string>>): Fixture {
  mkdirSync(FOLDER, { recursive: true })
  const folder = mkdtempSync(join(FOLDER, 'package-'))
  const write = (file: string, text: string): void => {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), text)
  }
  write('tsconfig.json', JSON.stringify(TSCONFIG))
  write('package.json', JSON.stringify({ name: 'fixture', type: 'module' }))
  for (const [file, text] of Object.entries(files)) write(join('src', file), text)
  return {
    folder,
    write,
    typeErrors(more) {
      const parsed = ts.parseJsonConfigFileContent(TSCONFIG, ts.sys, folder)
      const options = { ...parsed.options, ...more }
      const program = ts.createProgram(parsed.fileNames, options, more === undefined ? hostOf(options, folder) : undefined)
      const of = program
        .getSourceFiles()
        .filter(({ fileName }) => fileName.startsWith(more === undefined ? folder : join(folder, 'src/weaver.gen.ts')))
      return of
        .flatMap((file) => [
          ...ts.getPreEmitDiagnostics(program, file),
          ...(more === undefined ? [] : program.getDeclarationDiagnostics(file)),
        ])
        .filter((d) => d.file?.fileName.startsWith(folder))
        .map(
          (d) =>
            `${d.file?.fileName.slice(folder.length) ?? ''}: ${d.file?.text.slice(d.start).split('\n', 1)[0] ?? ''}: ${ts.flattenDiagnosticMessageText(d.messageText, ' ')}`,
        )
    },
    link(other) {
      const at = join(folder, 'node_modules', other.name)
      mkdirSync(dirname(at), { recursive: true })
      symlinkSync(other.folder, at)
    },
    build() {
      const parsed = ts.parseJsonConfigFileContent(TSCONFIG, ts.sys, folder)
      const options = { ...parsed.options, noEmit: false, declaration: true, rootDir: join(folder, 'src'), outDir: join(folder, 'dist') }
      const program = ts.createProgram(parsed.fileNames, options)
      const own = parsed.fileNames.map((file) => program.getSourceFile(file))
      for (const file of own) program.emit(file) // the program includes the SDK's sources, which are not this package's
      return own.flatMap((file) => program.getSemanticDiagnostics(file)).map((d) => ts.flattenDiagnosticMessageText(d.messageText, ' '))
    },
    generated: () => readFileSync(join(folder, 'src/weaver.gen.ts'), 'utf8'),
    formatted: () =>
      format(readFileSync(join(folder, 'src/weaver.gen.ts'), 'utf8'), {
        parser: 'typescript',
        semi: false,
        singleQuote: true,
        printWidth: 140,
      }),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
