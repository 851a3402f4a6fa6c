/**
 * Counts a vitest JSON report: `node scripts/test-counts.ts <report.json>` prints "<passed> <failed> <skipped>".
 * A file that could not be loaded has no tests in it and counts as one failure. Exits with 1 when there is no readable report.
 */
import { readFileSync } from 'node:fs'

interface Report {
  numPassedTests: number
  numFailedTests: number
  numPendingTests: number
  numTodoTests: number
  testResults: { status: string; assertionResults: { status: string }[] }[]
}

const [file] = process.argv.slice(2)
if (file === undefined) throw new Error('Name the report: node scripts/test-counts.ts <report.json>')
const report = JSON.parse(readFileSync(file, 'utf8')) as Report
const unloaded = report.testResults.filter(
  ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
)
const counts = [report.numPassedTests, report.numFailedTests + unloaded.length, report.numPendingTests + report.numTodoTests]
if (!counts.every(Number.isSafeInteger)) throw new Error(`${file} is no report of vitest: a count is missing.`)
console.log(counts.join(' '))
