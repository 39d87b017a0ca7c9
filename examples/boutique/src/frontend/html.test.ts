import { html } from './html.js'
import { localPath } from './form.js'

it('escapes whatever is put in, in texts and attributes', () => {
  const evil = `"><script>alert('&')</script>`
  expect(String(html`<p title="${evil}">${evil}</p>`)).toBe(
    '<p title="&quot;&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;">&quot;&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;</p>',
  )
})

it('puts HTML in HTML as it is, joins lists, and has nothing for undefined', () => {
  const markup = html // under its own name the formatter of this repository would move the blanks
  const items = ['a', '<b>'].map((text) => markup`<li>${text}</li>`)
  expect(String(markup`<ul>${items}</ul>${undefined}${0}`)).toBe('<ul><li>a</li><li>&lt;b&gt;</li></ul>0')
})

it.each([
  ['/product/MUG-02?x=1', '/product/MUG-02?x=1'],
  ['//elsewhere.example', '/'],
  ['/\\elsewhere.example', '/'],
  ['https://elsewhere.example', '/'],
  ['/a\r\nset-cookie: x=y', '/'],
  [undefined, '/'],
])('goes back to %j as %s', (asked, path) => {
  expect(localPath(asked)).toBe(path)
})
