import { createServer } from 'node:http'
import { config, listener, logger, ref, type Main } from '@weaver/sdk'
import { z } from 'zod'
import { Frontend } from './frontend/frontend.js'
import { Ads } from './shop/ads.js'
import { Carts } from './shop/carts.js'
import { Catalog } from './shop/catalog.js'
import { Checkout } from './shop/checkout.js'
import { Currencies } from './shop/currencies.js'
import { Recommendations } from './shop/recommendations.js'

/** The front end: what it shows comes from six components, and these call four more. */
export class App implements Main {
  readonly ads = ref(Ads)
  readonly carts = ref(Carts)
  readonly catalog = ref(Catalog)
  readonly checkout = ref(Checkout)
  readonly currencies = ref(Currencies)
  readonly recommendations = ref(Recommendations)
  readonly http = listener('boutique')
  readonly log = logger()
  readonly options = config(
    z.strictObject({
      shopName: z.string().min(1).default('Boutique'),
      /**
       * For a shop that is reached over TLS alone: over plain HTTP a browser would not keep its
       * session.
       */
      secureCookies: z.boolean().default(false),
    }),
  )

  async main(): Promise<void> {
    const frontend = new Frontend(this, { log: this.log, ...this.options })
    await this.http.serve(createServer((request, response) => void frontend.handle(request, response)))
  }
}
