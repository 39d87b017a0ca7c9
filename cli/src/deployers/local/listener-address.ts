/** `localhost:8080`, `[::1]:0`, `:80`. @returns `undefined` for what is no address */
export function parseAddress(address: string): { readonly host: string; readonly port: number } | undefined {
  const [, host, port] = /^(.*):(\d{1,5})$/.exec(address) ?? []
  if (host === undefined || Number(port) > 65_535) return undefined
  return { host: host.replace(/^\[|\]$/g, '') || '0.0.0.0', port: Number(port) }
}
