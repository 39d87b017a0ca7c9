import { proxiesOf } from './proxy-environment.js'

const PROXY = 'http://proxy.corp:3128'
const via = (url: string, env: Record<string, string>): string | undefined => proxiesOf(env)(new URL(url))?.url.href

describe('the proxy of a request', () => {
  it.each([
    ['https://a.b/', { HTTPS_PROXY: PROXY }, 'http://proxy.corp:3128/'],
    ['https://a.b/', { https_proxy: PROXY }, 'http://proxy.corp:3128/'],
    ['https://a.b/', { HTTPS_PROXY: '', https_proxy: PROXY }, 'http://proxy.corp:3128/'],
    ['https://a.b/', { HTTPS_PROXY: 'http://upper:1', https_proxy: 'http://lower:1' }, 'http://upper:1/'],
    ['https://a.b/', { HTTP_PROXY: PROXY }, undefined],
    ['http://a.b/', { HTTP_PROXY: PROXY }, 'http://proxy.corp:3128/'],
    ['http://a.b/', { http_proxy: 'proxy.corp:3128' }, 'http://proxy.corp:3128/'],
    ['http://a.b/', { http_proxy: 'proxy' }, 'http://proxy/'],
    ['http://a.b/', { HTTPS_PROXY: PROXY }, undefined],
    ['https://a.b/', { HTTPS_PROXY: 'https://proxy.corp' }, 'https://proxy.corp/'],
    ['https://a.b/', { HTTPS_PROXY: 'socks5://proxy.corp:1080' }, 'socks5://proxy.corp:1080'],
    ['https://a.b/', {}, undefined],
    ['https://localhost:5000/', { HTTPS_PROXY: PROXY }, undefined],
    ['https://127.8.9.10/', { HTTPS_PROXY: PROXY }, undefined],
    ['https://[::1]/', { HTTPS_PROXY: PROXY }, undefined],
    ['https://localhost.corp/', { HTTPS_PROXY: PROXY }, 'http://proxy.corp:3128/'],
  ])('%s with %j is %s', (url, env: Record<string, string>, expected) => expect(via(url, env)).toBe(expected))

  it.each([
    ['corp', 'corp', false],
    ['corp', 'a.b.corp', false],
    ['corp', 'mycorp', true],
    ['.corp', 'a.corp', false],
    ['.corp', 'corp', true],
    ['*.corp', 'a.corp', false],
    ['*.corp', 'corp', true],
    ['CORP', 'a.Corp', false],
    ['x.y, a.corp', 'a.corp', false],
    ['x.y a.corp', 'a.corp', false],
    ['a.corp:8443', 'a.corp:8443', false],
    ['a.corp:8443', 'a.corp', true],
    ['a.corp:443', 'a.corp', false],
    ['*', 'any.where', false],
    ['10.1.2.3', '10.1.2.3', false],
    ['10.1.2.3', '10.1.2.30', true],
    ['10.1.2.3:6443', '10.1.2.3:6443', false],
    ['10.1.2.3:6443', '10.1.2.3', true],
    ['10.0.0.0/8', '10.200.0.1:6443', false],
    ['10.0.0.0/8', '11.0.0.1', true],
    ['10.0.0.0/8', '10.corp', true],
    ['fd00::/8', '[fd12::1]:6443', false],
    ['fd00::/8', '[fe80::1]', true],
    ['[fd00::1]:6443', '[fd00::1]:6443', false],
    ['fd00::1', '[fd00:0::1]', false],
    ['10.0.0.0/99', '10.0.0.1', true],
    ['', 'a.corp', true],
  ])('NO_PROXY=%s: is there one for "%s"? %s', (list, host, expected) => {
    for (const name of ['NO_PROXY', 'no_proxy'])
      expect(via(`https://${host}/`, { HTTPS_PROXY: PROXY, [name]: list }) !== undefined).toBe(expected)
  })

  it.each([
    ['http://ann:s%40cret@p:1', 'ann:s@cret'],
    ['http://ann@p:1', 'ann:'],
    ['http://ann:100%@p:1', 'ann:100%'],
    ['ann:secret@p:1', 'ann:secret'],
  ])('may have credentials: %s', (text, expected) => {
    const proxy = proxiesOf({ HTTPS_PROXY: text })(new URL('https://a.b/'))
    expect(proxy?.authorization).toBe(`Basic ${Buffer.from(expected).toString('base64')}`)
    expect(proxy?.url.href).toBe('http://p:1/')
  })

  it.each(['http://', 'ftp://ann:secret@p', 'http://ann:secret@p:port'])(
    'of a text that is none is told without its secret: %s',
    (text) => {
      expect(() => proxiesOf({ https_proxy: text })).toThrow('https_proxy is not the URL of a proxy; write it as http://proxy.example:3128')
    },
  )
})
