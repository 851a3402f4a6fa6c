import { explainSkip } from '../engine/index.ts'
import { instant, itemId, mailboxId } from '../model/index.ts'
import type { FieldValue, Held, MailboxId, Side, SkipReason } from '../model/index.ts'
import type { FailingItem, OpenConflict, OpenHeld, Page, SkippedItem, UntoldWrite } from '../store/index.ts'
import { refused } from './errors.ts'
import type { Station } from './station.ts'
import { keyOf, titlesOf } from './titles.ts'
import { scopeOf } from './viewer.ts'
import type { Viewer } from './viewer.ts'

interface Whose {
  /** Name of the CRM user, and address of the mailbox. */
  readonly user: string | null
  readonly mailbox: string | null
}
export type ConflictRow = Omit<OpenConflict, 'base' | 'exchange' | 'crm'> & Whose & { base: FieldValue | undefined; exchange: FieldValue | undefined; crm: FieldValue | undefined }
export type HeldRow = OpenHeld & Whose
export type FailingRow = FailingItem & Whose
export type UntoldRow = UntoldWrite & Whose
export type SkipRow = SkippedItem & Whose & { readonly why: string; readonly title: string | null }

/** What cannot be represented, or read: worth a look. Everything else is left alone by somebody's own choice. */
const UNREPRESENTABLE: readonly SkipReason[] = ['recurring', 'unreadable', 'ambiguous']

/** Changes that were not made so that nobody is mailed; somebody has to make them in Outlook. */
const HELD_MAILS: readonly SkipReason[] = ['only-in-outlook']

export function openAttention(station: Station) {
  const { store } = station
  const { views, lanes } = store.panel

  const whose = (lane: string): Whose => {
    const mailbox = station.running()?.connector.directory().mailboxes.find(({ id }) => id === lane)
    return { user: mailbox?.user ?? null, mailbox: mailbox?.address ?? null }
  }
  const named = <T extends { readonly lane: string }>({ total, rows }: Page<T>) => ({ total, rows: rows.map((row) => ({ ...row, ...whose(row.lane) })) })

  /** A person who is not an administrator sees his own mailbox; one without a mailbox sees nothing. */
  const laneFor = (viewer: Viewer, user?: string): MailboxId | undefined => {
    const scope = scopeOf(station, viewer, user)
    return scope === undefined ? undefined : (scope[0] ?? mailboxId('none'))
  }

  const may = (viewer: Viewer, lane: MailboxId) => {
    const own = laneFor(viewer)
    if (own !== undefined && own !== lane) throw refused(403, 'NOT_YOURS', 'This belongs to another mailbox.')
  }

  return {
    async summary(viewer: Viewer) {
      const lane = laneFor(viewer)
      const query = { ...(lane === undefined ? {} : { lane }), offset: 0, limit: 1 }
      const [conflicts, held, failing, mails, untold, skips] = await Promise.all([
        views.conflicts(query), views.held(query), views.failing(query), lanes.skips({ ...query, reasons: HELD_MAILS }), views.untold(query, new Date()),
        lanes.skips({ ...query, reasons: UNREPRESENTABLE }),
      ])
      return { conflicts: conflicts.total, held: held.total, failing: failing.total, mails: mails.total + untold.total, unrepresentable: skips.total }
    },
    async conflicts(viewer: Viewer, query: { offset: number; limit: number; user?: string | undefined }): Promise<Page<ConflictRow>> {
      return named(await views.conflicts(pageOf(laneFor(viewer, query.user), query)))
    },
    async held(viewer: Viewer, query: { offset: number; limit: number; user?: string | undefined }): Promise<Page<HeldRow>> {
      return named(await views.held(pageOf(laneFor(viewer, query.user), query)))
    },
    async failing(viewer: Viewer, query: { offset: number; limit: number; user?: string | undefined }): Promise<Page<FailingRow>> {
      return named(await views.failing(pageOf(laneFor(viewer, query.user), query)))
    },
    /** Edits of meetings that were made, but of which nobody was told by mail. */
    async untold(viewer: Viewer, query: { offset: number; limit: number; user?: string | undefined }): Promise<Page<UntoldRow>> {
      return named(await views.untold(pageOf(laneFor(viewer, query.user), query), new Date()))
    },
    /** Somebody has told the attendees, or nobody has to. */
    async dismissUntold(viewer: Viewer, ids: readonly string[]): Promise<number> {
      const count = await views.dismissUntold(ids, laneFor(viewer))
      if (count === 0) throw refused(409, 'ALREADY_DECIDED', 'This is already decided.')
      return count
    },
    /** @param which `mails`: what would have mailed somebody; `every`: also what is left alone by choice */
    async skips(viewer: Viewer, query: { offset: number; limit: number; user?: string | undefined }, which: 'mails' | 'unrepresentable' | 'every'): Promise<Page<SkipRow>> {
      const reasons = { mails: HELD_MAILS, unrepresentable: UNREPRESENTABLE, every: undefined }[which]
      const page = await lanes.skips({ ...pageOf(laneFor(viewer, query.user), query), ...(reasons === undefined ? {} : { reasons }) })
      const titled = named(page)
      const running = station.running()
      const titles = running === null ? new Map<string, string>() : await titlesOf(running.connector, page.rows)
      return { total: titled.total, rows: titled.rows.map((row) => ({ ...row, why: explainSkip(row.reason), title: titles.get(keyOf(row)) ?? null })) }
    },
    async decideConflicts(viewer: Viewer, ids: readonly string[], winner: Side): Promise<number> {
      return store.transaction(async (tx) => {
        const found = (await Promise.all(ids.map((id) => tx.conflicts({ id })))).flat().filter(({ state }) => state === 'open')
        if (found.length === 0) throw refused(409, 'ALREADY_DECIDED', 'This conflict is already decided.')
        for (const one of found) {
          may(viewer, one.lane)
          await tx.decideConflict(one.id, winner)
        }
        await tx.wake([...new Set(found.map(({ lane }) => lane))])
        return found.length
      })
    },
    async decideHeld(viewer: Viewer, ids: readonly string[], decision: NonNullable<Held['decision']>): Promise<number> {
      return store.transaction(async (tx) => {
        const found = (await Promise.all(ids.map((id) => tx.held({ open: true, id })))).flat()
        if (found.length === 0) throw refused(409, 'ALREADY_DECIDED', 'This is already decided.')
        for (const one of found) {
          may(viewer, one.lane)
          await tx.decideHeld(one.id, decision)
        }
        await tx.wake([...new Set(found.map(({ lane }) => lane))])
        return found.length
      })
    },
    async retry(viewer: Viewer, { lane, side, id }: { lane: string; side: Side; id: string }): Promise<void> {
      may(viewer, mailboxId(lane))
      await store.transaction(async (tx) => {
        const now = instant(Date.now())
        const rows = await tx.inboxOf(mailboxId(lane), side, [itemId(id)])
        await tx.deferInbox(rows.map((row) => ({ ...row, dueAt: now })))
        await tx.wake([mailboxId(lane)])
      })
    },
  }
}

/** How many changes wait in all so that nobody is mailed, or were made without a mail. */
export async function heldMails({ panel }: Pick<Station['store'], 'panel'>): Promise<number> {
  const first = { offset: 0, limit: 1 }
  const [skips, untold] = await Promise.all([panel.lanes.skips({ ...first, reasons: HELD_MAILS }), panel.views.untold(first, new Date())])
  return skips.total + untold.total
}

const pageOf = (lane: MailboxId | undefined, { offset, limit }: { offset: number; limit: number }) => ({ ...(lane === undefined ? {} : { lane }), offset, limit })
