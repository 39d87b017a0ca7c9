/**
 * Everything that the generator may report, one entry per code. Codes are stable and never reused.
 */
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
    hint: 'add `export const cartImpl = implement(Cart, CartImpl)`, in a file of this package; refer to what may be absent by optionalRef()',
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
    when: 'ref(), listener() or config() is in a class that is passed neither to implement() nor to run()',
    hint: 'give the class to implement() or run(), or pass it what it needs',
  },
  WVG011: { when: 'the name of a listener is not a string literal', hint: 'write `listener("lis")`' },
  WVG012: { when: 'two listeners have one name', hint: 'names of listeners are unique in an application; rename one of them' },
  WVG013: {
    when: 'components refer to each other in a circle',
    hint: 'break the circle: pass one of them what it needs from the other, or refer to it by lazyRef()',
  },
  WVG014: { when: 'an option names a method that the interface lacks', hint: 'correct the name of the method' },
  WVG015: {
    when: 'options are not an object literal',
    hint: 'write router, balance, notRetriable, timeoutMs and leader in place; the generator reads them without running the code',
  },
  WVG016: { when: 'a class has two config() fields', hint: 'put all settings into one schema' },
  WVG017: {
    when: 'init(), shutdown() or health() of a class does not have the shape of the hook',
    hint: 'write `init(): Promise<void>`, `shutdown(): Promise<void>`, `health(): Promise<boolean>`, without parameters, or choose another name',
  },
  WVG018: {
    when: 'a class does not fulfil the interface of its component',
    hint: 'declare `implements` on the class: the compiler then says what differs',
  },
  WVG019: {
    when: 'a class given to implement() has type parameters',
    hint: 'give implement() a class that is not generic; it may extend a generic one',
  },
  WVG020: { when: 'a member of a component is not a method', hint: 'components have methods only; offer a method that returns the value' },
  WVG021: { when: 'a method does not return a promise', hint: 'return Promise<T>: the call may go to another process' },
  WVG022: { when: 'a method is overloaded', hint: 'give each overload a name of its own' },
  WVG023: { when: 'a method has type parameters', hint: 'a codec needs to know the type; write one method per type' },
  // WVG024 was "a method has a rest parameter", which is now allowed.
  WVG025: {
    when: 'a stream where it cannot be',
    hint: 'a method may return AsyncIterable<T> and take one; the class may still write `async *method()`. Data has arrays',
  },
  WVG026: {
    when: 'a router names no method',
    hint: 'leave `router` out, or give a key function for each method whose calls have an affinity',
  },
  WVG027: {
    when: 'a key function of a router does not give a key',
    hint: 'return a string, a number, a bigint, or a list or an object of them; not a promise',
  },
  WVG028: {
    when: 'methods of one component are routed by keys of different types',
    hint: 'keys of different types never meet on one replica; let all key functions return one type, such as String(id)',
  },
  WVG029: {
    when: 'a key function takes arguments other than those of its method',
    hint: 'take the arguments of the method, or the first ones of them',
  },
  WVG030: {
    when: 'a type cannot be sent',
    hint: 'use data: strings, numbers, booleans, bigint, Date, typed arrays, arrays, tuples, Map, Set, records, and objects and unions of these',
  },
  WVG031: {
    when: 'any, unknown, object, {} or an unresolved type',
    hint: 'name the type; if it should be known, look for an error of `tsc`. An object without properties is Record<string, never>',
  },
  WVG032: {
    when: 'an instance of a class without a codec',
    hint: 'use an interface of plain data, or register the class: `export const moneyCodec = codec<Money, Plain>(Money, { toPlain, fromPlain })`',
  },
  WVG033: {
    when: 'members of a union cannot be told apart',
    hint: 'give its objects a common property with a different literal each, such as `kind`',
  },
  WVG034: { when: 'an object with an index signature and named properties', hint: 'put the free keys into a Record of their own' },
  WVG035: {
    when: 'codec() is not the value of an exported top-level const, or is given a class that it cannot serve',
    hint: 'write `export const moneyCodec = codec<Money, Plain>(Money, { toPlain, fromPlain })`, once for a class; the class is not generic',
  },
  WVG036: {
    when: 'a type grows without end',
    hint: 'a type may contain itself, but not ever larger versions of itself, such as Box<T[]> within Box<T>',
  },
  WVG040: {
    when: 'there is no tsconfig.json, or it or one that it refers to cannot be read',
    hint: 'correct the file, or name the folder of a TypeScript package',
  },
  WVG041: {
    when: 'the package has neither components nor a call of run()',
    hint: 'declare a component, or call run(App, weaver) in main.ts; only files that tsconfig.json includes are read',
  },
  WVG042: { when: 'run() is called twice', hint: 'an application has one main; give the other program a package of its own' },
  WVG043: {
    when: 'something that the generated file imports is declared in the file that calls run()',
    hint: 'importing that file runs the application; keep only run() in it, and move the rest',
  },
  WVG044: {
    when: 'the name of a component or of a listener has a form that deployers cannot use',
    hint: 'use letters, digits, "_" and "-"; a component may have parts divided by "/", such as "shop/Cart"',
  },
  WVG045: {
    when: 'two error classes have one name, or one has the name of an error of the language or of the SDK',
    hint: 'errors are known by the name of their class across processes; rename one of them',
  },
  WVG046: {
    when: 'a component belongs to a package that does not describe its components',
    hint: 'run `weaver generate` in that package, and let its package.json export "./weaver" (its weaver.gen) and "./weaver.graph.json"',
  },
  WVG047: {
    when: 'two packages, or two versions of one, declare one component',
    hint: 'install one version of the package; names of components are unique in an application',
  },
  WVG048: {
    when: 'a component has the option leader without the hook lead(), or lead() without the option, or an interface with a method of that name',
    hint: 'write `lead({ token, signal }: Lease): Promise<void>` in the class, and `leader: "version"` or "app" in the options; give a method of the interface another name',
  },
  WVG049: {
    when: 'a configuration that TOML and JSON cannot hold: a Date, a bigint, a Map or a Set',
    hint: 'take a text, a number, a list or a record, and let the schema convert it: z.coerce.date(), z.coerce.bigint(), z.record()',
  },
  WVG050: {
    when: 'a source that cannot be parsed',
    hint: 'correct the syntax; what the compiler makes of such a file is not reliable',
  },
  WVG051: {
    when: 'strictNullChecks is off',
    hint: 'set "strict": true, or "strictNullChecks": true, in tsconfig.json: without it, types do not say where null and undefined are allowed',
  },
  WVG052: {
    when: '@weaver/sdk is imported and cannot be found',
    hint: 'install it (`npm install @weaver/sdk`), and let tsconfig.json have "module": "NodeNext", or "moduleResolution": "bundler"',
  },
  WVG053: {
    when: 'a component has the option balance without a router',
    hint: 'name the methods that have a key in router, or leave balance out: it says how keys are spread over replicas',
  },
  WVG054: {
    when: 'the interface of a component cannot be resolved',
    hint: 'declare or import the interface, and look for an error of `tsc`; the methods of any and unknown are not known',
  },
  WVG055: {
    when: 'a component has more than 65,536 methods',
    hint: 'split the methods over several components: a call numbers its method with two bytes',
  },
  WVG056: {
    when: 'a required brand whose key is a string',
    hint: 'make the key of the brand a unique symbol, or the brand optional; if values do have this property, give it a name that does not look like a brand',
  },
  WVG057: {
    when: 'a method of a component has the name of the hook init() or shutdown()',
    hint: 'give the method another name: the runtime would call it as the hook, and callers once more',
  },
} as const satisfies Readonly<Record<string, { readonly when: string; readonly hint: string }>>

export type DiagnosticCode = keyof typeof CATALOGUE

export interface Diagnostic {
  readonly code: DiagnosticCode
  readonly message: string
  readonly hint: string
  /** Relative to the package's folder; absent when the problem has no place in a file. */
  readonly file?: string
  /** From 1. */
  readonly line?: number
  /** From 1. */
  readonly column?: number
}

/** `src/cart.ts:3:20 - error WVG031: message`, with the hint on the next line. */
export function formatDiagnostic({ file, line, column, code, message, hint }: Diagnostic): string {
  const place = file === undefined ? '' : `${file}${line === undefined ? '' : `:${line}:${column ?? 1}`} - `
  return `${place}error ${code}: ${message}\n    ${hint}`
}
