import {
  assigneeId, changeKey, copyId, itemId, linkId, mailboxId, operationId, token,
} from '../../src/model/index.ts'
import type { Conflict, Held, Instant, Item, LinkedCopy, MailboxId, Operation, Skip, Snapshot, Tombstone } from '../../src/model/index.ts'
import type { LaneRow, NewInboxRow, SeriesRow } from '../../src/ports.ts'

export const ALICE = mailboxId('alice')
export const BOB = mailboxId('bob')
export const at = (minute: number) => `2026-12-01T09:${String(minute).padStart(2, '0')}:00Z` as Instant

export const anEvent = (subject: string): Item => ({
  kind: 'event',
  fields: { subject, body: '', time: { allDay: false, start: at(0), end: at(30) } },
})

export const aSnapshot = (id: string, subject = id, more: Partial<Snapshot> = {}): Snapshot => ({
  id: itemId(id), changeKey: changeKey(`${id}-key`), item: anEvent(subject), modifiedAt: at(0), ...more,
})

export const aSighting = (id: string, more: Partial<NewInboxRow> = {}): NewInboxRow => ({
  lane: ALICE, side: 'exchange', id: itemId(id), kind: 'event', sighting: { type: 'seen', snapshot: aSnapshot(id) },
  dueAt: at(0), suspectSince: null, ...more,
})

export function aCopy(id: string, more: Partial<LinkedCopy['copy']> = {}, link: Partial<LinkedCopy['link']> = {}): LinkedCopy {
  return {
    link: {
      id: linkId(`link-${id}`), kind: 'event', record: itemId(`record-${id}`), bornAt: null, uid: `uid-${id}`,
      assignee: assigneeId('19x4'), ...link,
    },
    copy: {
      id: copyId(id), mailbox: ALICE, role: 'home', exchange: { id: itemId(`item-${id}`), changeKey: changeKey('e1') },
      crm: { id: link.record ?? itemId(`record-${id}`), changeKey: changeKey('c1') },
      base: { exchange: anEvent(id), crm: anEvent(id) }, token: token(`token-${id}`), traits: { invited: true },
      stamped: true, referenced: true, ...more,
    },
  }
}

export const anOperation = (id: string, more: Partial<Operation> = {}): Operation => ({
  id: operationId(id), lane: ALICE, copy: copyId('copy'), link: linkId('link'), kind: 'event', side: 'crm', type: 'update',
  item: itemId('record'), expect: changeKey('c1'), token: token('token'), before: { subject: 'old' }, after: { subject: 'new' },
  intent: null, reason: 'Edited in Outlook', at: at(0), state: 'open', outcome: null, ...more,
})

export const aSkip = (id: string, more: Partial<Skip> = {}): Skip => ({
  lane: ALICE, side: 'exchange', id: itemId(id), kind: 'event', reason: 'outside-window', uid: null, enterAt: null, at: at(0), ...more,
})

export const aConflict = (id: string, more: Partial<Conflict> = {}): Conflict => ({
  id, lane: ALICE, copy: copyId('copy'), kind: 'event', record: itemId('record'), item: itemId('item'), field: 'subject',
  base: 'a', exchange: 'b', crm: 'c', winner: null, state: 'open', at: at(0), ...more,
})

export const aHeld = (id: string, more: Partial<Held> = {}): Held => ({
  id, lane: ALICE, kind: 'event', what: 'delete-crm', side: 'exchange', item: itemId('item'), copy: null,
  candidates: [itemId('x')], reason: 'Many deletions at once', at: at(0), decision: null, ...more,
})

export const aTombstone = (record: string, item: string, more: Partial<Tombstone> = {}): Tombstone => ({
  mailbox: ALICE, kind: 'event', record: itemId(record), item: itemId(item), exchangeChangeKey: changeKey('e'),
  crmChangeKey: changeKey('c'), reason: 'deleted', at: at(0), ...more,
})

export const aLane = (lane: MailboxId, more: Partial<LaneRow> = {}): LaneRow => ({
  lane, mailbox: null, state: 'new', error: null, failures: 0, retryAt: null, lastRunAt: null, ...more,
})

export const aSeries = (master: string, more: Partial<SeriesRow> = {}): SeriesRow => ({
  lane: ALICE, master: itemId(master), uid: `uid-${master}`, snapshot: aSnapshot(master), slots: [{ slot: 0, start: at(0) }], dueAt: at(10),
  readAt: at(0), fromCrm: false, ...more,
})
