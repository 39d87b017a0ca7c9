/** Goes into every page: one request, no files to serve. */
export const STYLE = `
:root { --ink: #22302c; --soft: #66756f; --line: #dfe5e0; --paper: #fbfaf6; --accent: #1f6f5c }
* { box-sizing: border-box }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper) }
a { color: inherit; text-decoration: none }
header, main, footer { max-width: 68rem; margin: 0 auto; padding: 1rem 1.5rem }
header { display: flex; flex-wrap: wrap; gap: 1rem; align-items: center; border-bottom: 1px solid var(--line) }
header .name { font: 600 1.5rem Georgia, serif; margin-right: auto }
form.inline { display: flex; gap: .4rem }
h1, h2 { font-family: Georgia, serif; font-weight: 600; line-height: 1.2 }
h2 { margin-top: 2.5rem; font-size: 1.25rem }
input, select, button { font: inherit; padding: .45rem .7rem; border: 1px solid var(--line); border-radius: .5rem; background: #fff; color: inherit }
button { cursor: pointer }
button.main { background: var(--accent); border-color: var(--accent); color: #fff }
.grid { display: grid; gap: 1.25rem; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); padding: 0; list-style: none }
.card { display: block; background: #fff; border: 1px solid var(--line); border-radius: .9rem; overflow: hidden }
.card:hover { border-color: var(--accent) }
.card div { padding: .8rem 1rem }
.picture { display: grid; place-items: center; font-size: 4rem; aspect-ratio: 4 / 3 }
.price, .soft { color: var(--soft) }
.product { display: grid; gap: 2rem; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)) }
.product .picture { border-radius: .9rem; font-size: 8rem }
table { width: 100%; border-collapse: collapse }
td, th { padding: .6rem 0; text-align: left; border-bottom: 1px solid var(--line) }
td:last-child, th:last-child { text-align: right }
.fields { display: grid; gap: .8rem 1rem; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); margin-bottom: 1rem }
.fields label { display: grid; gap: .2rem; color: var(--soft); font-size: .9rem }
.problem { padding: .8rem 1rem; border-radius: .6rem; background: #fbe9e4; color: #8a2c12 }
.ad { display: block; margin: 2rem 0; padding: .9rem 1rem; border: 1px dashed var(--line); border-radius: .6rem; color: var(--soft) }
footer { margin-top: 3rem; color: var(--soft); font-size: .9rem; border-top: 1px solid var(--line) }
`
