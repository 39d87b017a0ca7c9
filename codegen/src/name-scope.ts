/**
 * The names of one generated file. Everything that it declares, imports or uses shares one scope,
 * so no name means two things.
 */
import { TYPED_ARRAYS } from './shape.js'

export class NameScope {
  readonly #taken = new Set<string>(RESERVED)

  /** @returns the wish, or the nearest free name; reserves it */
  take(wish: string): string {
    return this.#takeFirst(wish, (name) => [name])
  }

  /**
   * Like {@link take}, for a type: its functions, and maybe a list, are named after it ({@link
   * namesOf}).
   */
  takeType(wish: string): string {
    return this.#takeFirst(this.#taken.has(wish) && !/\d$/.test(wish) ? `${wish}Value` : wish, namesOf, wish)
  }

  #takeFirst(first: string, all: (name: string) => readonly string[], wish: string = first): string {
    let name = first
    for (let n = 2; all(name).some((text) => this.#taken.has(text)); n++) name = `${wish}${n}`
    for (const text of all(name)) this.#taken.add(text)
    return name
  }
}

/** The names that a type of a generated file brings along. */
const namesOf = (type: string): readonly string[] => [type, `write${type}`, `read${type}`, `LIST_OF_${type}`]

/**
 * Names with a meaning in a generated file, including variables of its functions: they would hide a
 * codec of the same name.
 */
export const RESERVED: readonly string[] = [
  // types and values of the language
  ...TYPED_ARRAYS,
  ...'Array AsyncIterable Buffer Date Error Map Object Promise Readonly ReadonlyMap ReadonlySet'.split(' '),
  ...'Record ReturnType Set Uint8Array globalThis undefined'.split(' '),
  // what it imports of the SDK, and what it exports
  ...'Component InstanceOf PlainOf Reader SentBuffer WeaverGen Writer bind weaver withPackages'.split(' '),
  ...'isBuffer isDate isMap isPlainObject isSet isUint8Array literalAt literalIndex memberError setKey'.split(' '),
  ...'tagError typedArrayBytes typedArrayOf unionError'.split(' '),
  // variables of its functions
  ...'T a args calls entered error i item items key keys left member plain r size tagged'.split(' '),
  ...'target v w'.split(' '),
  // Exports may have these names; nothing else may.
  ...'any arguments await bigint boolean break case catch class const continue debugger default'.split(' '),
  ...'delete do else enum eval export extends false finally for function if implements import'.split(' '),
  ...'in instanceof interface let never new null number object package private protected public'.split(' '),
  ...'return static string super switch symbol this throw true try typeof unknown var void'.split(' '),
  ...'while with yield'.split(' '),
]
