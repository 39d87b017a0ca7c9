/** What the generator may find wrong, one entry a code. Codes are stable and never used again for something else. */
export const CATALOGUE = {
  WVG001: {
    when: 'component() is not the value of an exported top-level const',
    hint: 'write `export const Cart = component<Cart>("shop/Cart")`',
  },
  WVG002: {
    when: 'the name of a component is not a string literal',
    hint: 'give the name as a literal, such as "shop/Cart"; deployers read it without running the code',
  },
  WVG003: { when: 'component() has no explicit type argument', hint: 'name the interface: `component<Cart>("shop/Cart")`' },
  WVG004: { when: 'two components have one name', hint: 'names are unique in an application; rename one of them' },
  WVG005: {
    when: 'a component has no implementation',
    hint: 'add `export const cartImpl = implement(Cart, CartImpl)`, in a file of this package',
  },
  WVG006: { when: 'a component has two implementations', hint: 'keep one; tests replace implementations by fakes' },
  WVG007: {
    when: 'implement() is not the value of an exported top-level const',
    hint: 'write `export const cartImpl = implement(Cart, CartImpl)`; the generated file imports it',
  },
  WVG008: {
    when: 'an argument of implement() or run() cannot be followed to its declaration',
    hint: 'pass the token and the class by their names',
  },
  WVG009: {
    when: 'ref(), listener() or config() is not the initialiser of a class field',
    hint: 'write `readonly cart = ref(Cart)` as a field; not in a function, a condition, a constructor or init()',
  },
  WVG010: {
    when: 'ref(), listener() or config() stands in a class that is given neither to implement() nor to run()',
    hint: 'give the class to implement() or run(), or pass it what it needs',
  },
  WVG011: { when: 'the name of a listener is not a string literal', hint: 'write `listener("lis")`' },
  WVG012: { when: 'two listeners have one name', hint: 'names of listeners are unique in an application; rename one of them' },
  WVG013: { when: 'components refer to each other in a circle', hint: 'break the circle: let one of them be called with what it needs' },
  WVG014: { when: 'an option names a method that the interface lacks', hint: 'correct the name of the method' },
  WVG015: {
    when: 'options are not an object literal',
    hint: 'write router, notRetriable and timeoutMs in place; the generator reads them without running the code',
  },
  WVG016: { when: 'a class has two config() fields', hint: 'put all settings into one schema' },
  WVG020: { when: 'a member of a component is not a method', hint: 'components have methods only; offer a method that returns the value' },
  WVG021: { when: 'a method does not return a promise', hint: 'return Promise<T>: the call may go to another process' },
  WVG022: { when: 'a method is overloaded', hint: 'give each form a name of its own' },
  WVG023: { when: 'a method has type parameters', hint: 'a codec needs to know the type; write one method for each' },
  WVG024: { when: 'a method has a rest parameter', hint: 'take an array instead' },
  WVG025: { when: 'a method streams', hint: 'AsyncIterable is not supported yet; return pages, or a listener of your own' },
  WVG030: {
    when: 'a type cannot be sent',
    hint: 'use data: strings, numbers, booleans, bigint, Date, Uint8Array, arrays, tuples, Map, Set, records, and objects and unions of these',
  },
  WVG031: { when: 'any, unknown or an unresolved type', hint: 'name the type; if it should be known, look for an error of `tsc`' },
  WVG032: { when: 'a class instance', hint: 'methods and private fields cannot be sent; use an interface of plain data' },
  WVG033: {
    when: 'members of a union cannot be told apart',
    hint: 'give its objects a common property with a different literal each, such as `kind`',
  },
  WVG034: { when: 'an object with an index signature and named properties', hint: 'put the free keys into a Record of their own' },
  WVG040: {
    when: 'there is no tsconfig.json, or it cannot be read',
    hint: 'run `weaver generate` in a TypeScript package, or name its folder',
  },
  WVG041: {
    when: 'the package has neither components nor a call of run()',
    hint: 'declare a component, or call run(App, weaver) in main.ts',
  },
  WVG042: { when: 'run() is called twice', hint: 'an application has one main; give the other program a package of its own' },
} as const satisfies Readonly<Record<string, { readonly when: string; readonly hint: string }>>

export type DiagnosticCode = keyof typeof CATALOGUE

export interface Diagnostic {
  readonly code: DiagnosticCode
  readonly message: string
  readonly hint: string
  /** Relative to the package's folder; absent when no place is to blame. */
  readonly file?: string
  /** From 1. */
  readonly line?: number
  /** From 1. */
  readonly column?: number
}

/** `src/cart.ts:3:20 - error WVG031: message`, and the hint below. */
export function formatDiagnostic({ file, line, column, code, message, hint }: Diagnostic): string {
  const place = file === undefined ? '' : `${file}${line === undefined ? '' : `:${line}:${column ?? 1}`} - `
  return `${place}error ${code}: ${message}\n    ${hint}`
}
