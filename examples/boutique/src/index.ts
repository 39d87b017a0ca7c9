// What the benchmark of bench/ runs in other ways than as a Weaver application.
export { App } from './app.js'
export { Frontend, type Shop } from './frontend/frontend.js'
