/**
 * Which release this is. Every component signs its answers with it, so that a user (or a test) sees
 * who answered.
 */
export const RELEASE = 'v1'
