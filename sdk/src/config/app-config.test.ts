import { parseAppConfig } from './app-config.js'

const read = (text: string) => parseAppConfig(text, { path: 'weaver.toml', program: 'dist/main.js' })

describe('a weaver.toml that the process itself reads', () => {
  it('with the name of a component without quotes says that it needs them', () => {
    expect(() => read('[single]\n[shop/Prices]\n')).toThrow(
      expect.objectContaining({
        code: 'WEAVER_CONFIG_FILE',
        message: expect.stringMatching(/^weaver\.toml:2:6: .*; a name with a slash needs quotes: \["shop\/Prices"\]$/) as string,
      }),
    )
  })

  it('with an address in place of a table with one is refused, rather than bound to any port', () => {
    const { addressOf } = read('[single]\nlisteners.web = "localhost:8080"\nlisteners.lis.address = "localhost:1"')
    expect(addressOf('lis')).toBe('localhost:1')
    expect(addressOf('other')).toBe('localhost:0')
    expect(() => addressOf('web')).toThrow('[single] listeners.web must be a table such as { address = "localhost:8080" }')
  })
})
