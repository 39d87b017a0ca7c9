import type ts from 'typescript-api'
import type { Exported } from './model.js'
import type { SourceReader } from './source-reader.js'

/** Errors with these names are known everywhere: sdk/src/codec/error-codec.ts. */
const BUILT_IN: ReadonlySet<string> = new Set([
  ...'AggregateError Error EvalError RangeError ReferenceError SyntaxError TypeError URIError'.split(' '),
  ...'DOMException RemoteCallError WeaverError'.split(' '),
])

/**
 * Exported classes that extend `Error`, in modules that the application loads anyway: those that
 * its components and its main class import. The generated file imports them, which must not run a
 * script that nothing else imports.
 * @param roots files that declare components, implementations and the main class.
 */
export function findErrorClasses(reader: SourceReader, roots: Iterable<string>): readonly Exported[] {
  const { checker, ts } = reader
  const found = new Map<string, Exported>()
  for (const source of loadedFrom(reader, roots)) {
    const module = checker.getSymbolAtLocation(source)
    for (const exported of module === undefined ? [] : checker.getExportsOfModule(module)) {
      const symbol = reader.resolve(exported)
      const declaration = symbol.valueDeclaration
      if (declaration === undefined || !ts.isClassDeclaration(declaration) || declaration.getSourceFile() !== source) continue
      if (exported.name === 'default' || isAbstract(reader, declaration) || !extendsError(reader, declaration)) continue
      const className = declaration.name?.text ?? exported.name
      if (BUILT_IN.has(className)) reader.report('WVG045', `error class ${className} has the name of an error of the language`, declaration)
      const twin = found.get(className)
      if (twin !== undefined && twin.file !== source.fileName)
        reader.report('WVG045', `error class ${className} is already exported by ${reader.relative(twin.file)}`, declaration)
      found.set(className, { file: source.fileName, name: exported.name })
    }
  }
  return [...found.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, exported]) => exported)
}

/**
 * The package's own sources that these files import, directly or not, and the files themselves;
 * sorted.
 */
function loadedFrom(reader: SourceReader, roots: Iterable<string>): readonly ts.SourceFile[] {
  const byName = new Map(reader.sources.map((source) => [source.fileName, source]))
  const seen = new Set<string>()
  const visit = (file: string): void => {
    const source = byName.get(file)
    if (source === undefined || seen.has(file)) return
    seen.add(file)
    for (const statement of source.statements) {
      const isLink = reader.ts.isImportDeclaration(statement) || reader.ts.isExportDeclaration(statement)
      if (!isLink || statement.moduleSpecifier === undefined) continue
      const module = reader.checker.getSymbolAtLocation(statement.moduleSpecifier)?.valueDeclaration
      if (module !== undefined) visit(module.getSourceFile().fileName)
    }
  }
  for (const root of roots) visit(root)
  return reader.sources.filter((source) => seen.has(source.fileName))
}

function isAbstract({ ts }: SourceReader, declaration: ts.ClassDeclaration): boolean {
  const isPrivate = (node: ts.Node): boolean =>
    (ts.isConstructorDeclaration(node) &&
      node.modifiers?.some((m) => m.kind === ts.SyntaxKind.PrivateKeyword || m.kind === ts.SyntaxKind.ProtectedKeyword)) ??
    false
  return (declaration.modifiers?.some((m) => m.kind === ts.SyntaxKind.AbstractKeyword) ?? false) || declaration.members.some(isPrivate)
}

function extendsError(reader: SourceReader, declaration: ts.ClassDeclaration): boolean {
  const { checker } = reader
  for (let type: ts.Type | undefined = checker.getTypeAtLocation(declaration); type !== undefined;) {
    const symbol = type.getSymbol()
    const file = symbol?.declarations?.[0]?.getSourceFile()
    if (symbol?.name === 'Error' && file !== undefined && reader.program.isSourceFileDefaultLibrary(file)) return true
    type = type.isClassOrInterface() ? checker.getBaseTypes(type)[0] : undefined
  }
  return false
}
