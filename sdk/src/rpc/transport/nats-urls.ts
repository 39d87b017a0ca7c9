/** The user in the URLs of a broker, a part that the client library ignores. */
/** The part before the host of a URL: `user:password@` or `token@`. */
const USER_INFO = /^([a-z]+:\/\/)?([^/]*)@/

/** URLs for messages: without user and password. */
export function shown(servers: readonly string[]): readonly string[] {
  return servers.map((server) => server.replace(USER_INFO, '$1***@'))
}

/** URLs as the client library accepts them. */
export function withoutUser(servers: readonly string[]): string[] {
  return servers.map((server) => server.replace(USER_INFO, '$1'))
}

type UserInfo = { readonly user: string; readonly pass: string } | { readonly token: string }

/** The users in the URLs, each once. */
export function userInfoOf(servers: readonly string[]): readonly UserInfo[] {
  const texts = new Set(servers.flatMap((server) => USER_INFO.exec(server)?.[2] ?? []))
  return [...texts].map((text) => {
    const colon = text.indexOf(':')
    return colon < 0 ? { token: decoded(text) } : { user: decoded(text.slice(0, colon)), pass: decoded(text.slice(colon + 1)) }
  })
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // a % that stands for itself
  }
}
