import { ref, type Main } from '@weaver/sdk'
import { Echo } from './echo.js'

/** Main of the benchmark's application; whoever started the process uses its ref. */
export class App implements Main {
  static current: App | undefined
  readonly echo = ref(Echo)

  main(): void {
    App.current = this
  }
}
