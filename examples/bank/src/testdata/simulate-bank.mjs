// The simulation of bank.test.ts as a test of node:test, on what was compiled.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simulate } from '@weaver/sdk/sim'
import { BankWorkload } from '../../dist/bank-workload.js'
import { Store } from '../../dist/store.js'
import { weaver } from '../../dist/weaver.gen.js'

test('the lost update', async () => {
  const options = { weaver, durable: [Store], seed: 1, config: { 'bank/Bank': { update: 'read-then-write' } } }
  await assert.rejects(simulate(BankWorkload, options), (error) => {
    console.log(`HISTORY ${Buffer.from(JSON.stringify(error.report.history)).toString('base64url')}`)
    return error.code === 'WEAVER_SIM_FAILED'
  })
})
