import type { Command } from 'commander'
import type { Operation } from '../model/index.ts'
import { wholeNumber } from './options.ts'
import { EXIT, printJson, say, table } from './output.ts'
import { withConnector } from './session.ts'
import type { CommonOptions } from './session.ts'

export function journalCommand(command: Command): void {
  command
    .description('what was written where, when and why; newest first')
    .option('--item <id>', 'only this Exchange item or CRM record')
    .option('--limit <n>', 'how many entries', wholeNumber(1), 50)
    .option('--values', 'with the values before and after')
    .action(async (options: CommonOptions & { item?: string; limit: number; values?: boolean }) => {
      await withConnector(options, async ({ store }) => {
        const { item, limit } = options
        const [entries, lanes] = await store.transaction(async (tx) => [await tx.journal({ limit, ...(item === undefined ? {} : { item }) }), await tx.lanes()] as const)
        const address = (entry: Operation) => lanes.find((lane) => lane.lane === entry.lane)?.mailbox?.address ?? entry.lane
        if (options.json === true) {
          printJson({ entries: entries.map(({ intent: _, ...entry }) => ({ ...entry, mailbox: address(entry as Operation) })) })
          return EXIT.done
        }
        if (entries.length === 0) say('Nothing has been written yet.')
        else say(table(['at', 'mailbox', 'what', 'kind', 'on', 'state', 'why', 'item'], entries.map((entry) => [entry.at, address(entry), entry.type, entry.kind, entry.side, entry.state, entry.reason, entry.item ?? ''])))
        if (options.values === true) for (const entry of entries) say(`${entry.at} ${entry.item ?? entry.id}\n  before ${JSON.stringify(entry.before)}\n  after  ${JSON.stringify(entry.after)}`)
        return EXIT.done
      })
    })
}
