import { component, implement } from '@weaver/sdk'
import { PRODUCTS, type Product } from './products.js'
import { ShopError } from './shop-error.js'

export interface Catalog {
  list(): Promise<Product[]>
  /** @throws ShopError `PRODUCT_UNKNOWN` */
  get(id: string): Promise<Product>
  /** Those that have the text in their name or description. */
  search(text: string): Promise<Product[]>
}
export const Catalog = component<Catalog>('boutique/Catalog')

class CatalogImpl implements Catalog {
  readonly products = new Map(PRODUCTS.map((product) => [product.id, product]))

  async list(): Promise<Product[]> {
    return [...this.products.values()]
  }

  async get(id: string): Promise<Product> {
    const product = this.products.get(id)
    if (product === undefined) throw new ShopError('PRODUCT_UNKNOWN', `there is no product "${id}"`)
    return product
  }

  async search(text: string): Promise<Product[]> {
    const wanted = text.trim().toLowerCase()
    return (await this.list()).filter(({ name, description }) => `${name} ${description}`.toLowerCase().includes(wanted))
  }
}
export const catalogImpl = implement(Catalog, CatalogImpl)
