import { fieldsOf, FIELDS, instant, itemOf, sameValue } from '../../src/model/index.ts'
import type { Attendee, EventFields, Fields, FieldValue, Instant } from '../../src/model/index.ts'
import { expand } from '../../src/recurrence/index.ts'
import type { CrmRow } from '../../sim/memory-crm.ts'
import type { MailboxRow } from '../../sim/memory-mailbox.ts'
import { markOf, person, timeOf } from './calendar.ts'
import type { Calendar, Thing } from './calendar.ts'
import { ALICE, LANES } from './office.ts'
import type { Office } from './office.ts'
import { DAY_MS, shown, startMs, within } from './shown.ts'
import type { Shown } from './shown.ts'
import { USERS } from './stage.ts'

interface Seen extends Shown {
  readonly user: string
}

/** @returns what is wrong with the calendars at rest, in words; empty when everything is as it should be */
export async function faultsOf(calendar: Calendar): Promise<string[]> {
  const { office } = calendar
  const now = office.world.nowMs()
  // What is over may stay where it is; what only just comes into the window may still be on its way.
  const [from, to] = [instant(now), instant(now + (office.policy.futureDays + 1) * DAY_MS)]
  const conflicts = await office.store.transaction((tx) => tx.conflicts({}))
  const kept = conflicts.flatMap(({ base, exchange, crm }) => [base, exchange, crm].filter((value) => value !== undefined))
  const faults = [...calendar.complaints, ...(await twins(office))]
  const left = await leftToOutlook(office)
  for (const thing of calendar.things.values()) {
    const records = office.crm.live().filter((row) => markOf(row.item) === thing.mark)
    const items = USERS.flatMap((user) => office.mailbox(user).synced().filter((row) => markOf(row.item) === thing.mark).map((row) => ({ row, user })))
    const ahead = records.filter((row) => within(timeOf(row), from, to))
    const seen = items.flatMap(({ row, user }) => shown(row, from, to).map((one) => ({ ...one, user })))
    faults.push(...(records.some(({ id }) => left.has(id)) ? [] : paired(office, thing, ahead, seen)), ...counted(thing, records, items.map(({ row }) => row), from, to), ...lost(thing, records, items.map(({ row }) => row), kept))
  }
  if (office.writes.length > calendar.allowance + 12 * calendar.troubles) faults.push(`${office.writes.length} writes, ${calendar.allowance} were to be expected`)
  if (office.totals.mails > 0) faults.push('mails were sent')
  return faults
}

/** Records of meetings that Microsoft 365 does not take changes of; their calendars differ, and are told to. */
async function leftToOutlook({ store }: Office): Promise<ReadonlySet<string>> {
  const skips = await store.transaction((tx) => Promise.all(Object.values(LANES).map((lane) => tx.skips(lane, 10_000))))
  return new Set(skips.flat().filter(({ reason }) => reason === 'only-in-outlook').map(({ id }) => id))
}

/** No two records with one UID and number, but for what is over and was let go of. */
async function twins({ crm, store, world }: Office): Promise<string[]> {
  const rows = crm.live().filter(({ uid, token }) => uid !== '' && uid !== token)
  const linked = new Set((await store.transaction((tx) => tx.copiesByRecord(rows.map(({ id }) => id)))).map(({ link }) => link.record))
  const byUid = Map.groupBy(rows.filter((row) => linked.has(row.id) || startMs(timeOf(row)) > world.nowMs()), ({ uid }) => uid)
  return [...byUid].flatMap(([uid, rows]) => (rows.length > 1 ? [`${rows.length} records have the UID ${uid}`] : []))
}

/** What each calendar shows from now on is what the CRM has for its owner. */
function paired(office: Office, thing: Thing, records: readonly CrmRow[], seen: readonly Seen[]): string[] {
  if (thing.detached) return []
  if (thing.type !== 'plain') {
    const users = (thing.both ? USERS : [thing.owner]).filter((user) => !thing.own.has(user))
    return users.flatMap((user) => paired1(office, thing, user, records, seen.filter((one) => one.user === user))).concat(USERS.flatMap((user) => answered(thing, user, records, seen)))
  }
  return USERS.flatMap((user) => {
    const mine = seen.filter((one) => one.user === user)
    const guests = records.filter((row) => row.assignee !== user && invites(row, user))
    const isLoose = thing.own.has(user)
    // What a guest did to his own copy is his own.
    if (isLoose) return mine.length > records.length ? [`${thing.mark}: ${mine.length} events of ${user} for ${records.length} records`] : []
    return paired1(office, thing, user, [...records.filter((row) => row.assignee === user), ...guests], mine)
  })
}

function paired1(office: Office, thing: Thing, user: string, records: readonly CrmRow[], seen: readonly Seen[]): string[] {
  const left = [...seen]
  const faults: string[] = []
  for (const record of records) {
    const at = left.findIndex((one) => unequal(office, one.fields, record).length === 0)
    if (at >= 0) left.splice(at, 1)
    else {
      const near = left.find((one) => sameValue(one.fields.time, timeOf(record)))
      faults.push(`${thing.mark}: the record ${record.id} of ${JSON.stringify(timeOf(record))} is not in the calendar of ${user}${near === undefined ? '' : `: ${unequal(office, near.fields, record).join()}`}`)
    }
  }
  return [...faults, ...left.map((one) => `${thing.mark}: ${user} has ${one.fields.subject} at ${JSON.stringify(one.fields.time)}, which has no record`)]
}

const invites = (row: CrmRow, user: string) => ((fieldsOf(row.item).attendees ?? []) as readonly Attendee[]).some(({ address }) => address === person(user).address)

function unequal(office: Office, item: Partial<EventFields>, record: CrmRow): string[] {
  const offered = { crm: fieldsOf(office.crm.hold(itemOf('event', item as Fields))), exchange: fieldsOf(office.mailbox(ALICE).hold(record.item)) }
  return FIELDS.event.filter((field) => {
    const left = (item as Fields)[field]
    const right = fieldsOf(record.item)[field]
    if (left === undefined || right === undefined || field === 'organizer' || field === 'cancelled' || field === 'attendees') return false
    return !sameValue(offered.crm[field], right) && !sameValue(offered.exchange[field], left)
  })
}

/** Everybody's answer is the same in his calendar and on the record. */
function answered(thing: Thing, user: string, records: readonly CrmRow[], seen: readonly Seen[]): string[] {
  if (thing.own.has(user)) return []
  return records.flatMap((record) => {
    const own = seen.filter((one) => one.user === user && one.row.traits?.invited === true && sameValue(one.fields.time, timeOf(record)))
    const told = ((fieldsOf(record.item).attendees ?? []) as readonly Attendee[]).find(({ address }) => address === person(user).address)?.answer
    if (own.length !== 1 || own[0]?.fields.answer === told) return []
    return [`${thing.mark}: ${user} says ${own[0]?.fields.answer}, the record ${told}`]
  })
}

/** Nothing comes or goes that nobody made or deleted. */
function counted(thing: Thing, records: readonly CrmRow[], rows: readonly MailboxRow[], from: Instant, to: Instant): string[] {
  if (thing.detached || thing.ruled) return []
  const faults: string[] = []
  const masters = rows.filter(({ series }) => series !== undefined)
  if (thing.made > 0) {
    if (records.length > thing.made) faults.push(`${thing.mark}: ${records.length} records, ${thing.made} were made`)
    if (!thing.ended && records.length < thing.made - thing.deletions) faults.push(`${thing.mark}: ${records.length} records are left of ${thing.made}, ${thing.deletions} were deleted`)
    return faults
  }
  const most = masters[0]?.series === undefined ? 1 : expand(masters[0].series, '2026-01-01T00:00:00Z' as Instant, instant(Date.parse(to) + 3 * DAY_MS)).length
  if (!thing.ended && thing.deletions === 0 && rows.length === 0) faults.push(`${thing.mark}: nothing is left of it in Exchange`)
  if (!thing.ended && records.length > most) faults.push(`${thing.mark}: ${records.length} records for ${most} events`)
  for (const { series } of masters) {
    if ((series?.deleted.length ?? 0) > thing.deletions) faults.push(`${thing.mark}: ${series?.deleted.length} occurrences are deleted, users deleted ${thing.deletions}`)
  }
  const ahead = rows.flatMap((row) => shown(row, from, to)).length
  if (!thing.ended && thing.deletions === 0 && ahead > 0 && records.length === 0) faults.push(`${thing.mark}: no record`)
  return faults
}

function lost(thing: Thing, records: readonly CrmRow[], rows: readonly MailboxRow[], kept: readonly FieldValue[]): string[] {
  const all: Fields[] = [...records.map(({ item }) => fieldsOf(item)), ...rows.flatMap(({ item, series }) => [fieldsOf(item), ...(series?.exceptions ?? []).map(({ fields }) => fields as Fields)])]
  return thing.edits.flatMap(({ field, value, closed }) => {
    if (closed || all.some((fields) => sameValue(fields[field], value)) || kept.some((one) => sameValue(one, value))) return []
    return [`${thing.mark}: the edit of ${field} to ${JSON.stringify(value)} is lost`]
  })
}

/** People decide what the connector asks: what a user deleted may go, everything else comes back. */
export async function decide(calendar: Calendar): Promise<void> {
  const { store, crm } = calendar.office
  await store.transaction(async (tx) => {
    for (const held of await tx.held({ open: true })) {
      const [linked] = held.copy === null ? [] : await tx.copiesById([held.copy])
      const record = linked === undefined ? undefined : crm.rows.get(linked.copy.crm.id)
      const thing = record === undefined ? undefined : calendar.thing(record.item)
      await tx.decideHeld(held.id, held.what === 'ambiguous' || thing?.ended === true || thing?.ruled === true || (thing?.deletions ?? 0) > 0 ? 'apply' : 'restore')
    }
  })
}
