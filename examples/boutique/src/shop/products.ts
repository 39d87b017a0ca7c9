import { money, type Money } from './money.js'

export interface Product {
  id: string
  name: string
  description: string
  /** One character and a colour (hue in degrees) stand for a photograph. */
  glyph: string
  hue: number
  price: Money
  categories: string[]
}

/** What the shop sells. A larger one would have it in a database, behind the same component. */
export const PRODUCTS: readonly Product[] = [
  product('KETTLE-01', 'Whistling kettle', 3490, '🫖', 18, ['kitchen'], 'Boils two litres, and tells the whole house.'),
  product('MUG-02', 'Tall mug', 1150, '☕', 35, ['kitchen'], 'Holds four decilitres and the warmth of the morning.'),
  product('BOARD-03', 'Bread board', 2400, '🍞', 48, ['kitchen'], 'Oak from one plank, oiled three times.'),
  product('SALT-04', 'Salt cellar', 895, '🧂', 210, ['kitchen'], 'Pours as much as you meant.'),
  product('LAMP-05', 'Reading lamp', 5999, '💡', 52, ['home'], 'Lights the page and not the neighbour.'),
  product('FERN-06', 'Desk fern', 1990, '🪴', 130, ['home', 'garden'], 'Forgives a week without water.'),
  product('CLOCK-07', 'Slow clock', 4250, '🕰️', 280, ['home'], 'One hand, for days without appointments.'),
  product('SPADE-08', 'Small spade', 1675, '🌱', 95, ['garden'], 'For balconies, beds and buried treasure.'),
  product('HAT-09', 'Straw hat', 2899, '👒', 40, ['clothes', 'garden'], 'Shade for one.'),
  product('SCARF-10', 'Long scarf', 3999, '🧣', 350, ['clothes'], 'Two metres of merino; goes round three times.'),
  product('SOCKS-11', 'Thick socks', 1299, '🧦', 200, ['clothes'], 'A pair that stays a pair.'),
  product('BAG-12', 'Market bag', 2199, '👜', 160, ['clothes', 'kitchen'], 'Carries a melon, two leeks and the paper.'),
]

function product(id: string, name: string, cents: number, glyph: string, hue: number, categories: string[], description: string): Product {
  return { id, name, description, glyph, hue, price: money('USD', cents), categories }
}
