/**
 * How many steps a number takes to 1, where an even one is halved and an odd one becomes 3n + 1.
 * Even numbers are one component's business and odd ones another's, and each calls the other. Both
 * remember what they know, and are routed by the number: each number is remembered by one replica.
 */
import { component, implement, lazyRef, ref } from '@weaver/sdk'

export interface Even {
  steps(n: number): Promise<number>
}
export const Even = component<Even>('collatz/Even', { router: { steps: (n) => n } })

export interface Odd {
  steps(n: number): Promise<number>
}
export const Odd = component<Odd>('collatz/Odd', { router: { steps: (n) => n } })

class EvenImpl implements Even {
  readonly odd = ref(Odd)
  readonly known = new Map<number, number>()

  async steps(n: number): Promise<number> {
    const known = this.known.get(n)
    if (known !== undefined) return known
    let halvings = 1
    let half = n / 2
    for (; half % 2 === 0; half /= 2) halvings += 1
    const steps = halvings + (await this.odd.steps(half))
    this.known.set(n, steps)
    return steps
  }
}
export const evenImpl = implement(Even, EvenImpl)

class OddImpl implements Odd {
  // Even refers to Odd: a ref back would close a circle, and nobody could start first.
  readonly even = lazyRef(Even)
  readonly known = new Map([[1, 0]])

  async steps(n: number): Promise<number> {
    const known = this.known.get(n)
    if (known !== undefined) return known
    const steps = 1 + (await this.even.steps(3 * n + 1))
    this.known.set(n, steps)
    return steps
  }
}
export const oddImpl = implement(Odd, OddImpl)
