import { changeKey, copyId, itemId, linkId, token } from '../model/index.ts'
import type { ChangeKey, Copy, Half, InboxRow, Instant, Item, ItemId, ItemKind, LinkedCopy, MailboxId, Series, SetMember, Side, Sighting, SkipReason, Snapshot } from '../model/index.ts'
import { uidOfPair } from '../sync/index.ts'
import type { Plan } from '../sync/index.ts'
import type { Run } from './context.ts'

/** A planned piece of work about one copy, with the inbox rows it answers. */
export interface Work {
  readonly linked: LinkedCopy
  /** The copy does not exist yet; a side that has no item yet has an empty id in its half. */
  readonly isNew: boolean
  readonly rows: readonly InboxRow[]
  readonly exchange: Sighting
  readonly crm: Sighting
  readonly plan: Plan
  /** The item to be made in Exchange is the master of this series; the record is one of its occurrences. */
  readonly series?: Series
  /** The other records of the set that becomes this series. */
  readonly members?: readonly SetMember[]
  /** Mailboxes where another attendee's copy of the meeting takes the place of this one. */
  readonly heirs?: readonly MailboxId[]
  /** Look at the record again after this: the plan was only the first half of what it asks for. */
  readonly again?: boolean
  /** Its record lost its words, because a colleague's item of it became private. */
  readonly loses?: boolean
  /** Left as it is on both sides, and why; nothing is written. */
  readonly skip?: { readonly side: Side; readonly id: ItemId; readonly reason: SkipReason }
}

/** The words that go are remembered nowhere; what people write over a block in the CRM is. */
export const isMasking = (work: Work): boolean => isMaskedHere(work) || work.loses === true

/** The item of this very copy became private. */
export const isMaskedHere = ({ isNew, linked: { copy }, exchange }: Work): boolean =>
  !isNew && copy.traits.masked !== true && exchange.type === 'seen' && exchange.snapshot.traits?.masked === true

/** Equal to no real change key: the item has to be read before anything is planned. */
export const UNKNOWN_KEY: ChangeKey = changeKey('')

/** A row that leads to no write. */
export type Aside =
  | { readonly type: 'drop'; readonly row: InboxRow }
  | { readonly type: 'skip'; readonly row: InboxRow; readonly reason: SkipReason; readonly enterAt: Instant | null; readonly uid: string | null; readonly candidates?: readonly ItemId[] }
  | { readonly type: 'defer'; readonly row: InboxRow; readonly until: Instant; readonly error?: InboxRow['error'] }

export const isWork = (one: Work | Aside): one is Work => 'plan' in one

const NOTHING: Half = { id: itemId(''), changeKey: UNKNOWN_KEY }

/** A copy that begins with what one or both sides show. */
export function newCopy(run: Run, kind: ItemKind, exchange: Snapshot | null, crm: Snapshot | null, role: Copy['role'] = 'home'): LinkedCopy {
  const { ids } = run.engine
  const seen = exchange ?? crm
  const nothing = { kind, fields: {} } as Item
  return {
    link: {
      id: linkId(ids.next()), kind, record: crm?.id ?? itemId(''), bornAt: crm?.bornAt ?? null,
      uid: uidOfPair(exchange, crm), assignee: crm?.assignee ?? run.mailbox.userId,
    },
    copy: {
      id: copyId(ids.next()), mailbox: run.lane, role,
      exchange: exchange === null ? NOTHING : { id: exchange.id, changeKey: exchange.changeKey },
      crm: crm === null ? NOTHING : { id: crm.id, changeKey: crm.changeKey },
      base: { exchange: seen?.item ?? nothing, crm: seen?.item ?? nothing },
      token: token(ids.next()),
      traits: exchange?.traits ?? {},
      // A stamp would make an exception of an occurrence.
      stamped: exchange?.traits?.occurrence === true,
      referenced: false,
    },
  }
}

const MAX_BACKOFF_MS = 6 * 3_600_000

/** How long rows wait that failed once more. */
export const backoffMs = (rows: readonly Pick<InboxRow, 'attempts'>[]): number =>
  Math.min(MAX_BACKOFF_MS, 5000 * 2 ** Math.max(0, ...rows.map((row) => row.attempts)))
