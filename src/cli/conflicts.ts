import type { Command } from 'commander'
import { SyncError } from '../lib/errors.ts'
import type { FieldValue } from '../model/index.ts'
import { EXIT, printJson, say, table } from './output.ts'
import { withConnector } from './session.ts'
import type { CommonOptions } from './session.ts'

export function conflictsCommand(command: Command): void {
  command
    .description('fields that were changed on both sides at once, with all three values')
    .option('--all', 'those already decided, too')
    .option('--decide <id>', 'decide this conflict; the next sync carries it out')
    .option('--take <side>', 'whose value is kept: exchange or crm')
    .action(async (options: CommonOptions & { all?: boolean; decide?: string; take?: string }) => {
      await withConnector(options, async ({ store }) => {
        const { decide, take } = options
        if (decide !== undefined) {
          if (take !== 'exchange' && take !== 'crm') throw usage('Say whose value is kept: --take exchange or --take crm.')
          await store.transaction(async (tx) => {
            const [conflict] = await tx.conflicts({ id: decide })
            if (conflict === undefined) throw usage(`There is no conflict ${decide}. "exchange-connector conflicts" lists them.`)
            if (conflict.state !== 'open') throw usage(`The conflict ${decide} is already decided: ${conflict.winner}.`)
            await tx.decideConflict(decide, take)
            await tx.wake([conflict.lane])
          })
          if (options.json === true) printJson({ ok: true, id: decide, take })
          else say(`Decided: ${take}'s value is kept; the next sync writes it.`)
          return EXIT.done
        }
        const conflicts = await store.transaction((tx) => tx.conflicts(options.all === true ? {} : { states: ['open', 'decided'] }))
        if (options.json === true) printJson({ conflicts })
        else if (conflicts.length === 0) say('No conflicts are waiting.')
        else say(table(['id', 'at', 'record', 'field', 'base', 'Exchange', 'CRM', 'decision'], conflicts.map((one) => [one.id, one.at, one.record, one.field, short(one.base), short(one.exchange), short(one.crm), one.winner ?? 'open'])))
        return EXIT.done
      })
    })
}

export const usage = (message: string) => new SyncError('CONFIG_USAGE', message, { scope: 'system', remedy: 'ask-human' })

function short(value: FieldValue | undefined): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value ?? null)
  const line = text.replace(/\s+/g, ' ')
  return line.length > 40 ? `${line.slice(0, 39)}…` : line
}
