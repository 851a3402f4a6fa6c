import type { Command } from 'commander'
import type { LaneRow, Tx } from '../ports.ts'
import { followedLines, readFollowed } from './followed.ts'
import { itemStatus } from './item-status.ts'
import type { ItemStatus } from './item-status.ts'
import { groupNotices } from './notices.ts'
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
        if (item !== undefined) {
          const found = await connector.store.transaction((tx) => itemStatus(tx, item))
          if (options.json === true) printJson(found)
          else printItem(found)
          return found.known ? EXIT.done : EXIT.failed
        }
        const lanes = await connector.store.transaction(async (tx) => Promise.all((await tx.lanes()).map((row) => laneStatus(tx, row))))
        // Before the first sync nobody is connected, and that is said already.
        const notices = lanes.length === 0 ? [] : groupNotices(connector.config, new Set(lanes.flatMap(({ user }) => user ?? []))).map(({ detail }) => detail)
        const warnings = connector.endingProofs()
        const followed = await readFollowed(connector)
        if (options.json === true) printJson({ lanes, ...followed, ...(warnings.length === 0 ? {} : { warnings }), ...(notices.length === 0 ? {} : { notices }) })
        else {
          printLanes(lanes)
          for (const line of followedLines(followed)) say(line)
          for (const { connection, detail, cure } of warnings) say(`! ${connection}: ${detail} ${cure}`)
          for (const notice of notices) say(`! ${notice}`)
        }
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

function printItem({ known, why, link, series, skips, waiting, held, writes }: ItemStatus): void {
  say(`${why.sentence} ${why.cure}`)
  if (!known) return
  for (const copy of link?.copies ?? []) say(`linked: ${link?.kind} ${link?.record} in the CRM, ${copy.item} in ${copy.mailbox}${ROLES[copy.role]}${copy.occurrence === null ? '' : `, occurrence ${copy.occurrence + 1} of its series`}`)
  if (series !== null) say(`series: ${series.occurrences} occurrences in the window, ${series.exceptions} edited, ${series.deleted} deleted`)
  for (const skip of skips) say(`left alone: ${skip.why}`)
  for (const row of waiting) say(`waiting: news from the ${row.side} side, due ${row.dueAt}${row.error === null ? '' : `: ${row.error.message}`}`)
  for (const one of held) say(`held (${one.id}): ${one.reason}`)
  for (const write of writes) say(`${write.at} ${write.type} on ${write.side}, ${write.state}: ${write.reason}`)
}

const ROLES = { home: '', shadow: " (another attendee's copy: only the answer is kept in step)", guest: ' (made for somebody the CRM invites)' } as const
