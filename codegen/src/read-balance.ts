import { BALANCES, type Balance } from '@weaver/sdk/contract'
import { literalOption } from './literal-option.js'
import type { InterfaceSource } from './interface-source.js'
import { optionValue } from './read-methods.js'
import type { SourceReader } from './source-reader.js'

/**
 * The option `balance` of a component, which the deployer must know; it is meaningless without
 * keys.
 */
export function readBalance(reader: SourceReader, from: InterfaceSource): Balance | undefined {
  const value = optionValue(reader, from, 'balance')
  if (value !== undefined && optionValue(reader, from, 'router') === undefined)
    reader.report('WVG053', `component "${from.name}" has the option balance, but no router`, value)
  return literalOption(reader, from, { name: 'balance', words: BALANCES })
}
