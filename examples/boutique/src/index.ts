// For the benchmark of bench/, which runs the same shop in other ways too.
export { Frontend, type Shop } from './frontend/frontend.js'
export type { Order } from './shop/order.js'
export { ShopError, type ShopErrorCode } from './shop/shop-error.js'
export { weaver } from './weaver.gen.js'
