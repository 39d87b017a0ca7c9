/** For repeatable options. (A variadic option would swallow the arguments that follow it.) */
export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value]
}
