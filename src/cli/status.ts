import type { Command } from 'commander'
import { explainSkip } from '../engine/index.ts'
import { itemId } from '../model/index.ts'
import type { LaneRow, Tx } from '../ports.ts'
import { EXIT, printJson, say, table } from './output.ts'
import { withConnector } from './session.ts'
import type { CommonOptions } from './session.ts'

export function statusCommand(command: Command): void {
  command
    .description('how each mailbox stands, or why one item is as it is')
    .option('--item <id>', 'an Exchange item id or CRM record id')
    .action(async (options: CommonOptions & { item?: string }) => {
      await withConnector(options, async (connector) => {
        const { item } = options
        if (item !== undefined) return connector.store.transaction((tx) => itemStatus(tx, item, options.json === true))
        const lanes = await connector.store.transaction(async (tx) => Promise.all((await tx.lanes()).map((row) => laneStatus(tx, row))))
        if (options.json === true) printJson({ lanes })
        else printLanes(lanes)
        return lanes.some((lane) => lane.state === 'failing') ? EXIT.failed : EXIT.done
      })
    })
}

async function laneStatus(tx: Tx, row: LaneRow) {
  const inbox = await tx.countInbox(row.lane)
  const channels = await tx.channels(row.lane)
  return {
    lane: row.lane,
    mailbox: row.mailbox?.address ?? null,
    user: row.mailbox?.user ?? null,
    state: row.state,
    error: row.error,
    retryAt: row.retryAt,
    lastRunAt: row.lastRunAt,
    linked: row.mailbox === null ? null : await tx.countCopies(row.lane),
    waiting: inbox.waiting,
    failing: inbox.failing,
    skipped: await tx.countSkips(row.lane),
    held: (await tx.held({ lane: row.lane, open: true })).length,
    conflicts: (await tx.conflicts({ lane: row.lane, states: ['open', 'decided'] })).length,
    channels: channels.map(({ kind, complete, pulledAt }) => ({ kind, complete, pulledAt })),
  }
}

type LaneStatus = Awaited<ReturnType<typeof laneStatus>>

function printLanes(lanes: readonly LaneStatus[]): void {
  if (lanes.length === 0) {
    say('Nothing has been synchronised yet: run "exchange-connector sync --once" or "start".')
    return
  }
  const rows = lanes.map((lane) => [
    lane.mailbox ?? '(CRM)', lane.user ?? '', lane.state, lane.lastRunAt ?? 'never', String(lane.linked ?? ''), String(lane.waiting),
    String(lane.skipped), String(lane.held), String(lane.conflicts), lane.error?.message ?? '',
  ])
  say(table(['mailbox', 'CRM user', 'state', 'last run', 'linked', 'waiting', 'skipped', 'held', 'conflicts', 'error'], rows))
}

/** Why an item is, or is not, in step. */
async function itemStatus(tx: Tx, raw: string, json: boolean): Promise<number> {
  const id = itemId(raw)
  const lanes = await tx.lanes()
  const byRecord = await tx.copiesByRecord([id])
  const byItem = (await Promise.all(lanes.map((lane) => tx.copiesByItem(lane.lane, [id])))).flat()
  const skips = (await Promise.all(lanes.map((lane) => tx.skips(lane.lane, 10_000)))).flat().filter((skip) => skip.id === id)
  const waiting = (await Promise.all(lanes.flatMap((lane) => [tx.inboxOf(lane.lane, 'exchange', [id]), tx.inboxOf(lane.lane, 'crm', [id])]))).flat()
  const held = (await tx.held({ open: true })).filter((one) => one.item === id || one.candidates.includes(id))
  const journal = await tx.journal({ item: raw, limit: 10 })
  const copies = [...new Map([...byRecord, ...byItem].map((row) => [row.copy.id, row])).values()].map(({ link, copy }) => ({
    kind: link.kind, record: copy.crm.id, mailbox: lanes.find((lane) => lane.lane === copy.mailbox)?.mailbox?.address ?? copy.mailbox, item: copy.exchange.id, role: copy.role,
  }))
  const found = { copies, skips: skips.map((skip) => ({ ...skip, why: explainSkip(skip.reason) })), waiting: waiting.map(({ side, dueAt, attempts, error }) => ({ side, dueAt, attempts, error })), held, journal }
  if (json) printJson(found)
  else printItem(found)
  return copies.length + skips.length + waiting.length + held.length + journal.length === 0 ? EXIT.failed : EXIT.done
}

interface ItemStatus {
  readonly copies: readonly { kind: string; record: string; mailbox: string; item: string; role: string }[]
  readonly skips: readonly { why: string }[]
  readonly waiting: readonly { side: string; dueAt: string; error: { message: string } | null }[]
  readonly held: readonly { id: string; reason: string }[]
  readonly journal: readonly { at: string; type: string; side: string; reason: string; state: string }[]
}

function printItem({ copies, skips, waiting, held, journal }: ItemStatus): void {
  if (copies.length + skips.length + waiting.length + held.length + journal.length === 0) {
    say('Nothing is known of an item with this id. Ids are case-sensitive; CRM ids look like 18x29.')
    return
  }
  for (const copy of copies) say(`linked: ${copy.kind} ${copy.record} in the CRM, ${copy.item} in ${copy.mailbox}${copy.role === 'shadow' ? " (another attendee's copy, never written)" : ''}`)
  for (const skip of skips) say(`left alone: ${skip.why}`)
  for (const row of waiting) say(`waiting: news from the ${row.side} side, due ${row.dueAt}${row.error === null ? '' : `: ${row.error.message}`}`)
  for (const one of held) say(`held (${one.id}): ${one.reason}`)
  for (const operation of journal) say(`${operation.at} ${operation.type} on ${operation.side}, ${operation.state}: ${operation.reason}`)
}
