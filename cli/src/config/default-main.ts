/** The file that is an application where its weaver.toml or `--entrypoint` names none. */
export const DEFAULT_MAIN = 'dist/main.js'
