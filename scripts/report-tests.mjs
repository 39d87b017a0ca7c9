// Usage: node scripts/report-tests.mjs RESULTS.json…  What jest wrote with --outputFile, as a short report for the end of a log: the files that took longest, then each failed test by name.
import { readFileSync } from 'node:fs'
import { basename, relative } from 'node:path'
import { stripVTControlCharacters } from 'node:util'

const SLOWEST = 12

const files = process.argv.slice(2).flatMap((file) => {
  const { testResults } = JSON.parse(readFileSync(file, 'utf8'))
  return testResults.map((result) => ({
    ...result,
    pass: basename(file, '.json'),
    path: relative(process.cwd(), result.name),
    seconds: (result.endTime - result.startTime) / 1000,
  }))
})

console.log('slowest test files:')
for (const { pass, path, seconds } of files.toSorted((a, b) => b.seconds - a.seconds).slice(0, SLOWEST))
  console.log(`  ${seconds.toFixed(0).padStart(4)} s  ${path} (${pass})`)

for (const { pass, path, status, message, assertionResults } of files) {
  const failed = assertionResults.filter((test) => test.status !== 'passed')
  for (const { fullName, status, failureMessages } of failed)
    console.log(`${status}: ${path} (${pass}): ${fullName}: ${firstLines(failureMessages?.[0])}`)
  if (status === 'failed' && failed.length === 0) console.log(`failed: ${path} (${pass}): ${firstLines(message)}`)
}

/** The start of a message, on one line and without colours. */
function firstLines(message = '') {
  return stripVTControlCharacters(message).replace(/\s+/g, ' ').trim().slice(0, 240)
}
