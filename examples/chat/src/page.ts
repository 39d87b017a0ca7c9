/** The whole front end. Texts of others are put in as text, never as HTML. */
export const PAGE = `<!doctype html>
<meta charset="utf-8">
<title>chat</title>
<style>body { font: 16px sans-serif; max-width: 40em; margin: 2em auto } li { list-style: none }</style>
<h1>Room <span id="room"></span></h1>
<ul id="messages"></ul>
<form id="form"><input id="author" placeholder="name" required> <input id="text" placeholder="message" required> <button>Say it</button></form>
<script type="module">
  const room = location.hash.slice(1) || 'lobby'
  const at = (id) => document.getElementById(id)
  at('room').textContent = room
  new EventSource('/rooms/' + room).onmessage = ({ data }) => {
    const { author, text } = JSON.parse(data)
    at('messages').append(Object.assign(document.createElement('li'), { textContent: author + ': ' + text }))
  }
  at('form').onsubmit = async (event) => {
    event.preventDefault()
    await fetch('/rooms/' + room + '?author=' + encodeURIComponent(at('author').value), { method: 'POST', body: at('text').value })
    at('text').value = ''
  }
</script>
`
