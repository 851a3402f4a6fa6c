import type { Command } from 'commander'
import { newTotals, preview } from '../engine/index.ts'
import { wholeNumber } from './options.ts'
import { EXIT, printJson, printReport, report, say, table } from './output.ts'
import { withConnector } from './session.ts'
import type { CommonOptions } from './session.ts'

export function planCommand(command: Command): void {
  command
    .description('show what a sync would do; nothing is written')
    .option('--limit <n>', 'writes listed one by one', wholeNumber(0), 50)
    .action(async (options: CommonOptions & { limit: number }) => {
      await withConnector(options, async (connector) => {
        const startedMs = performance.now()
        const totals = newTotals()
        await connector.prepare(totals)
        const { writes } = await preview(connector.engine({ once: true, dry: true }, totals))
        const seconds = (performance.now() - startedMs) / 1000
        if (options.json === true) printJson({ ...report(totals, seconds), writes })
        else {
          const listed = writes.slice(0, options.limit)
          const rows = listed.map((write) => [write.type, write.kind, write.side, write.mailbox ?? '', write.type === 'update' ? write.fields.join(', ') : '', write.item ?? 'new'])
          if (rows.length > 0) say(`${table(['what', 'kind', 'on', 'mailbox', 'fields', 'item'], rows)}\n`)
          if (writes.length > listed.length) say(`… and ${writes.length - listed.length} more\n`)
          printReport(totals, seconds, true)
        }
        return totals.failed === 0 ? EXIT.done : EXIT.failed
      })
    })
}
