import { component, implement } from '@weaver/sdk'

export interface Ad {
  text: string
  productId: string
}

export interface Ads {
  /** One that goes with these categories, or any. */
  pick(categories: string[]): Promise<Ad>
}
/** A page goes without rather than wait for it. */
export const Ads = component<Ads>('boutique/Ads', { defaultTimeoutMs: 300 })

const ADS: readonly (Ad & { readonly category: string })[] = [
  { category: 'kitchen', productId: 'KETTLE-01', text: 'Tea in four minutes: the whistling kettle.' },
  { category: 'kitchen', productId: 'SALT-04', text: 'Everything tastes of something: the salt cellar.' },
  { category: 'home', productId: 'LAMP-05', text: 'One more chapter: the reading lamp.' },
  { category: 'garden', productId: 'SPADE-08', text: 'Dig where you stand: the small spade.' },
  { category: 'clothes', productId: 'SCARF-10', text: 'Winter can come: the long scarf.' },
]

class AdsImpl implements Ads {
  async pick(categories: string[]): Promise<Ad> {
    const fitting = ADS.filter(({ category }) => categories.includes(category))
    const from = fitting.length === 0 ? ADS : fitting
    const { text, productId } = from[Math.floor(Math.random() * from.length)] as Ad // the list is not empty
    return { text, productId }
  }
}
export const adsImpl = implement(Ads, AdsImpl)
