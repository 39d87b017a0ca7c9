import { component, config, implement, ref } from '@weaver/sdk'
import { z } from 'zod'
import { Catalog } from './catalog.js'
import type { Product } from './products.js'

export interface Recommendations {
  /** Others that go with these, those with most in common first. */
  goWith(productIds: string[]): Promise<Product[]>
}
/** As with Ads: a page goes without. */
export const Recommendations = component<Recommendations>('boutique/Recommendations', { defaultTimeoutMs: 500 })

class RecommendationsImpl implements Recommendations {
  readonly catalog = ref(Catalog)
  readonly options = config(z.strictObject({ count: z.number().int().positive().default(4) }))

  async goWith(productIds: string[]): Promise<Product[]> {
    const products = await this.catalog.list()
    const wanted = new Set(products.filter(({ id }) => productIds.includes(id)).flatMap(({ categories }) => categories))
    const inCommon = ({ categories }: Product): number => categories.filter((category) => wanted.has(category)).length
    return products
      .filter(({ id }) => !productIds.includes(id))
      .sort((a, b) => inCommon(b) - inCommon(a))
      .slice(0, this.options.count)
  }
}
export const recommendationsImpl = implement(Recommendations, RecommendationsImpl)
