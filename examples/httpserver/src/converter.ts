import { component, implement } from '@weaver/sdk'
import { sign, type Signature } from './signature.js'

/** How a text is to be written. */
export type Style = 'upper' | 'lower' | 'title'

export interface Converter {
  convert(text: string, style: Style): Promise<string>
  sign(): Promise<Signature>
}
export const Converter = component<Converter>('httpserver/Converter')

class ConverterImpl implements Converter {
  async convert(text: string, style: Style): Promise<string> {
    switch (style) {
      case 'upper':
        return text.toUpperCase()
      case 'lower':
        return text.toLowerCase()
      case 'title':
        return text.replace(/\p{L}+/gu, (word) => word.slice(0, 1).toUpperCase() + word.slice(1).toLowerCase())
    }
  }

  async sign(): Promise<Signature> {
    return sign()
  }
}
export const converterImpl = implement(Converter, ConverterImpl)
