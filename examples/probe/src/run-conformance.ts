/**
 * Checks `weaver ssh` by the conformance suite from where the machines can be reached, which the
 * process of a test may not be:
 *
 *     node dist/run-conformance.js FOLDER ENTRY WEAVER MACHINE…
 *
 * Prints a line of JSON for each statement: `{"id": "D1"}`, with `problem` where it is not kept.
 */
import { deployerStatements, shareDeployments } from '@weaver/testing'
import { commandsUnderTest } from './commands-under-test.js'

const [folder = '', entry = '', weaver = '', ...locations] = process.argv.slice(2)
const commands = commandsUnderTest(() => ({ folder, entry, weaver, env: process.env }))
const deployer = commands.ssh(locations)
const shared = shareDeployments(deployer)
for (const statement of shared.inOrder(deployerStatements)) {
  const problem = await statement.check(shared.for(statement)).then(
    () => undefined,
    (error: unknown) => String(error),
  )
  console.log(JSON.stringify({ id: statement.id, problem }))
}
await shared.close()
