import { component, implement } from '@weaver/sdk'

/** Splits a text into what a reader takes for one character, so that "é" or a flag stays whole. */
export interface Splitter {
  split(text: string): Promise<string[]>
}
export const Splitter = component<Splitter>('reverser/Splitter')

class SplitterImpl implements Splitter {
  readonly segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' })

  async split(text: string): Promise<string[]> {
    return [...this.segmenter.segment(text)].map(({ segment }) => segment)
  }
}
export const splitterImpl = implement(Splitter, SplitterImpl)
