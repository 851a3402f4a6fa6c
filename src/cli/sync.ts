import type { Command } from 'commander'
import { newTotals, syncOnce } from '../engine/index.ts'
import type { Totals } from '../engine/index.ts'
import { groupNotices } from './notices.ts'
import { wholeNumber } from './options.ts'
import { EXIT, printJson, printReport, report, say } from './output.ts'
import { withConnector } from './session.ts'
import type { CommonOptions } from './session.ts'

export function syncCommand(command: Command): void {
  command
    .description('bring both sides in step, then end')
    .requiredOption('--once', 'one sync; "start" keeps going')
    .option('--parallel <n>', 'mailboxes worked on at the same time', wholeNumber(1), 4)
    .action(async (options: CommonOptions & { parallel: number }) => {
      await withConnector(options, async (connector) => {
        const startedMs = performance.now()
        const totals = newTotals()
        const progress = showProgress(totals, options.json === true)
        try {
          await connector.prepare(totals)
          await syncOnce(connector.engine({ once: true }, totals), connector.store.lanes, options.parallel)
        } finally {
          progress()
        }
        const seconds = (performance.now() - startedMs) / 1000
        const notices = groupNotices(connector.config, new Set(connector.directory().mailboxes.map(({ user }) => user))).map(({ detail }) => detail)
        if (options.json === true) printJson({ ...report(totals, seconds), ...(notices.length === 0 ? {} : { notices }) })
        else {
          printReport(totals, seconds, false)
          for (const notice of notices) say(`! ${notice}`)
        }
        return totals.failed === 0 ? EXIT.done : EXIT.failed
      }, true)
    })
}

/** One line that changes in place, for people; nothing where nobody looks. */
function showProgress(totals: Totals, json: boolean): () => void {
  if (!process.stderr.isTTY || json) return () => undefined
  const timer = setInterval(() => {
    const writes = [totals.exchange, totals.crm].map((side) => side.created + side.updated + side.deleted)
    process.stderr.write(`\r\u001b[K${writes[0]} written to Exchange, ${writes[1]} to the CRM, ${totals.failed} failed`)
  }, 500)
  return () => {
    clearInterval(timer)
    process.stderr.write('\r\u001b[K')
  }
}
