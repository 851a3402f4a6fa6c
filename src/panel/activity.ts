import { explainSkip } from '../engine/index.ts'
import { CRM_LANE, itemId } from '../model/index.ts'
import type { ItemKind, Operation, Side } from '../model/index.ts'
import type { LogEntry, Write } from '../store/index.ts'
import type { Station } from './station.ts'
import { scopeOf } from './viewer.ts'
import type { Viewer } from './viewer.ts'

export interface ActivityQuery {
  readonly user?: string | undefined
  readonly search?: string | undefined
  readonly kind?: ItemKind | undefined
  readonly side?: Side | undefined
  readonly type?: Operation['type'] | undefined
  readonly state?: Operation['state'] | undefined
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly before?: number | undefined
  /** Also the silent marks, which change no content. */
  readonly marks: boolean
  readonly limit: number
}
export type WriteRow = Write & { readonly user: string | null; readonly mailbox: string | null }

/** What is known of one item, in words: the answer to "why is it as it is?". */
export interface Why {
  readonly found: boolean
  readonly copies: readonly { readonly kind: ItemKind; readonly record: string; readonly item: string; readonly mailbox: string | null; readonly role: string; readonly title: string }[]
  readonly skips: readonly { readonly side: Side; readonly reason: string; readonly why: string; readonly mailbox: string | null; readonly enterAt: string | null }[]
  readonly waiting: readonly { readonly side: Side; readonly dueAt: string; readonly attempts: number; readonly error: string | null; readonly mailbox: string | null }[]
  readonly held: readonly { readonly id: string; readonly reason: string; readonly mailbox: string | null }[]
}

export function openActivity(station: Station) {
  const { store } = station
  const mailbox = (lane: string) => station.running()?.connector.directory().mailboxes.find(({ id }) => id === lane)

  return {
    async writes(viewer: Viewer, query: ActivityQuery): Promise<{ rows: readonly WriteRow[]; next: number | null }> {
      const scope = scopeOf(station, viewer, query.user)
      const { search, side, from, to, before, kind, type, state, marks, limit } = query
      const types = type !== undefined ? [type] : marks ? undefined : (['create', 'update', 'delete'] as const)
      const found = await store.panel.views.writes({
        limit: limit + 1, ...(scope === undefined ? {} : { lanes: scope }), ...(search === undefined ? {} : { search: search.trim() }),
        ...(side === undefined ? {} : { side }), ...(from === undefined ? {} : { from: new Date(from) }), ...(to === undefined ? {} : { to: new Date(to) }),
        ...(before === undefined ? {} : { before }), ...(kind === undefined ? {} : { kinds: [kind] }), ...(types === undefined ? {} : { types }),
        ...(state === undefined ? {} : { states: [state] }),
      })
      const rows = found.slice(0, limit).map((row) => ({ ...row, user: mailbox(row.lane)?.user ?? null, mailbox: mailbox(row.lane)?.address ?? null }))
      return { rows, next: found.length > limit ? (rows.at(-1)?.seq ?? null) : null }
    },
    log(viewer: Viewer, { before, limit }: { before?: number | undefined; limit: number }): Promise<readonly LogEntry[]> {
      return store.panel.people.log({ limit, ...(before === undefined ? {} : { before }), ...(viewer.admin ? {} : { userId: viewer.id }) })
    },
    async why(viewer: Viewer, raw: string): Promise<Why> {
      const id = itemId(raw.trim())
      const scope = scopeOf(station, viewer)
      const lanes = (await store.panel.views.lanesKnowing(id)).filter((lane) => lane !== CRM_LANE && (scope === undefined || scope.includes(lane)))
      const mine = (lane: string) => lanes.some((one) => one === lane)
      return store.transaction(async (tx) => {
        const pairs = new Map([...(await tx.copiesByRecord([id])), ...(await Promise.all(lanes.map((lane) => tx.copiesByItem(lane, [id])))).flat()].filter(({ copy }) => mine(copy.mailbox)).map((pair) => [pair.copy.id, pair] as const))
        const waiting = (await Promise.all(lanes.flatMap((lane) => [tx.inboxOf(lane, 'exchange', [id]), tx.inboxOf(lane, 'crm', [id])]))).flat()
        const skips = (await Promise.all(lanes.map((lane) => tx.skips(lane, 10_000)))).flat().filter((skip) => skip.id === id)
        const held = (await Promise.all(lanes.map((lane) => tx.held({ lane, open: true })))).flat().filter((one) => (one.item === id || one.candidates.includes(id)))
        const copies = [...pairs.values()].map(({ link, copy }) => {
          const fields = copy.base.exchange.fields as Record<string, unknown>
          const title = String(fields['subject'] ?? `${String(fields['firstName'] ?? '')} ${String(fields['lastName'] ?? '')}`.trim())
          return { kind: link.kind, record: copy.crm.id, item: copy.exchange.id, mailbox: mailbox(copy.mailbox)?.address ?? null, role: copy.role, title }
        })
        return {
          found: copies.length + waiting.length + skips.length + held.length > 0,
          copies,
          skips: skips.map(({ lane, side, reason, enterAt }) => ({ side, reason, why: explainSkip(reason), mailbox: mailbox(lane)?.address ?? null, enterAt })),
          waiting: waiting.map(({ lane, side, dueAt, attempts, error }) => ({ side, dueAt, attempts, error: error?.message ?? null, mailbox: mailbox(lane)?.address ?? null })),
          held: held.map(({ lane, id: heldId, reason }) => ({ id: heldId, reason, mailbox: mailbox(lane)?.address ?? null })),
        }
      })
    },
  }
}
