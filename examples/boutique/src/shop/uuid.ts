const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Of the form that `randomUUID` makes: for what was handed out and comes back from outside. */
export function isUuid(text: string): boolean {
  return UUID.test(text)
}
