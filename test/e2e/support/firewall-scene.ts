import { addressOf } from './simulators.ts'
import type { CrmRecord, Simulators } from './simulators.ts'
import type { PlainFields, PlainItem } from '../../../sim/ews/index.ts'

export const BOSS = 'boss@ext.test'
/** Contacts of the CRM, and somebody whom nobody knows. */
export const GINA = 'gina@ext.test'
export const MAX = 'max@ext.test'
export const GUEST = 'guest@ext.test'

/** What people do in one scenario. Every subject begins with its tag, by which items, records and mails are found again. */
export interface Scene {
  readonly simulators: Simulators
  readonly tag: string
  /** The servers' clock when the scenario began, milliseconds since 1970. */
  readonly now: number
  /** CRM ids (`19x5`, `22x7`, `4x24`) of users, groups and contacts by name. */
  readonly ids: Readonly<Record<string, string>>
}

const DAY_MS = 86_400_000

/** A day some days from the scenario's now, YYYY-MM-DD. */
export const dayOf = ({ now }: Scene, days: number): string => new Date(now + days * DAY_MS).toISOString().slice(0, 10)
export const named = ({ tag }: Scene, words = 'Board'): string => `${tag} ${words}`
const mail = (name: string): string => (name.includes('@') ? name : addressOf(name))
const times = (scene: Scene, days: number, hour = 9) => ({
  Start: `${dayOf(scene, days)}T${String(hour).padStart(2, '0')}:00:00Z`, End: `${dayOf(scene, days)}T${hour + 1}:00:00Z`,
})
/** To another hour of the day: one field of time in the CRM, two in Outlook. */
export const later = (scene: Scene, days: number) => times(scene, days, 13)

export interface Wanted {
  /** Days from now; default in three days. */
  readonly days?: number
  /** Names or addresses; those of CRM users stand for their mailbox. */
  readonly to?: readonly string[]
  /** Whether Outlook sends the invitations; default true where somebody is invited. */
  readonly send?: boolean
  readonly words?: string
  readonly fields?: PlainFields
}

function plain(scene: Scene, { days = 3, to = [], words, fields = {} }: Wanted): PlainFields {
  return { Subject: named(scene, words), ...times(scene, days), ...(to.length === 0 ? {} : { RequiredAttendees: to.map(mail) }), ...fields }
}

/** An event made in Outlook; with people on it a meeting. */
export function meets(scene: Scene, who: string, wanted: Wanted = {}): Promise<PlainItem> {
  const send = wanted.send ?? (wanted.to ?? []).length > 0
  return scene.simulators.putItem(who, 'calendar', { ...plain(scene, wanted), ...(send ? { send: true } : {}) })
}

/** Somebody without a mailbox here invites. @returns the UID of the meeting */
export async function bossInvites(scene: Scene, wanted: Wanted): Promise<string> {
  const item = await scene.simulators.control('ews/meetings', { organizer: BOSS, fields: plain(scene, wanted) })
  return item.fields.UID
}
/** The same somebody changes his meeting, or one date of it, and tells everybody. */
export const bossChanges = async (scene: Scene, fields: PlainFields, occurrence?: string): Promise<void> =>
  scene.simulators.control('ews/meetings', { organizer: BOSS, uid: await uidOf(scene), fields, ...(occurrence === undefined ? {} : { occurrence }) })
export const bossCancels = async (scene: Scene, occurrence?: string): Promise<void> =>
  scene.simulators.control('ews/cancelMeeting', { organizer: BOSS, uid: await uidOf(scene), ...(occurrence === undefined ? {} : { occurrence }) })

async function uidOf(scene: Scene): Promise<string> {
  for (const who of ['alice', 'bob', 'carol']) for (const item of await itemsOf(scene, who)) return String(item.fields['UID'])
  throw new Error(`Nobody has the meeting ${scene.tag}.`)
}

const carries = (scene: Scene, text: unknown): boolean => String(text).includes(`${scene.tag} `)
const only = <T>(found: readonly T[], what: string): T => {
  const [first] = found
  if (first === undefined || found.length > 1) throw new Error(`${what}: there are ${found.length}.`)
  return first
}

/** What of the scenario lies in the calendar of somebody. */
export const itemsOf = async (scene: Scene, who: string, folder = 'calendar'): Promise<PlainItem[]> =>
  (await scene.simulators.items(who, folder)).filter(({ fields }) => carries(scene, fields['Subject']))
export const itemOf = async (scene: Scene, who: string, folder = 'calendar'): Promise<PlainItem> => only(await itemsOf(scene, who, folder), `${scene.tag} of ${who}`)

export async function edits(scene: Scene, who: string, fields: PlainFields, folder = 'calendar'): Promise<void> {
  await scene.simulators.editItem(who, (await itemOf(scene, who, folder)).id, fields)
}
export async function deletes(scene: Scene, who: string, send = false): Promise<void> {
  const { id } = await itemOf(scene, who)
  if (send) await scene.simulators.control('ews/delete', { address: addressOf(who), id, send })
  else await scene.simulators.deleteItem(who, id)
}
/** Answers in Outlook; `send` tells the organizer. */
export async function responds(scene: Scene, who: string, response: 'accept' | 'tentative' | 'decline', send = true): Promise<void> {
  await scene.simulators.respond(who, (await itemOf(scene, who)).id, response, send)
}
export async function guestAnswers(scene: Scene, organizer: string, response: 'accept' | 'decline'): Promise<void> {
  const { fields } = await itemOf(scene, organizer)
  await scene.simulators.control('ews/answerMeeting', { organizer: addressOf(organizer), uid: fields['UID'], attendee: GUEST, response })
}
/** An occurrence of the scenario's series in somebody's calendar, counted from 0. */
export async function occurrenceOf(scene: Scene, who: string, index: number): Promise<PlainItem> {
  const master = await itemOf(scene, who)
  const all: PlainItem[] = await scene.simulators.control('ews/occurrences', {
    address: addressOf(who), id: master.id, from: `${dayOf(scene, -30)}T00:00:00Z`, to: `${dayOf(scene, 90)}T00:00:00Z`,
  })
  return only(all.slice(index, index + 1), `${scene.tag}: occurrence ${index}`)
}
export async function editsDate(scene: Scene, who: string, index: number, fields: PlainFields): Promise<void> {
  await scene.simulators.editItem(who, (await occurrenceOf(scene, who, index)).id, fields)
}
export async function deletesDate(scene: Scene, who: string, index: number, send = false): Promise<void> {
  await scene.simulators.control('ews/delete', { address: addressOf(who), id: (await occurrenceOf(scene, who, index)).id, send })
}

/** A rule for Outlook. @param days from now to the first date; `count` 0 never ends */
export function repeating(scene: Scene, pattern: 'daily' | 'weekly', count: number, days = 3): PlainFields {
  const first = dayOf(scene, days)
  const weekday = new Date(`${first}T12:00:00Z`).toLocaleDateString('en-US', { weekday: 'long', timeZone: 'UTC' })
  const every = pattern === 'daily' ? '<t:DailyRecurrence><t:Interval>1</t:Interval></t:DailyRecurrence>'
    : `<t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>${weekday}</t:DaysOfWeek></t:WeeklyRecurrence>`
  const range = count === 0 ? `<t:NoEndRecurrence><t:StartDate>${first}</t:StartDate></t:NoEndRecurrence>`
    : `<t:NumberedRecurrence><t:StartDate>${first}</t:StartDate><t:NumberOfOccurrences>${count}</t:NumberOfOccurrences></t:NumberedRecurrence>`
  return { Recurrence: `<t:Recurrence>${every}${range}</t:Recurrence>` }
}

export interface Visit {
  readonly days?: number
  readonly owner?: string
  /** Names of users and contacts. */
  readonly invitees?: readonly string[]
  readonly fields?: object
}

export const invited = (names: readonly string[]) => names.map((name) => ({ email: mail(name), partecipation: 0 }))

function visit(scene: Scene, { days = 4, owner = 'alice', invitees = [], fields = {} }: Visit): object {
  const day = dayOf(scene, days)
  const people = invitees.length === 0 ? {} : { invitees: invited(invitees) }
  return { subject: named(scene, 'Visit'), date_start: day, due_date: day, time_start: '14:00', time_end: '15:00', assigned_user_id: scene.ids[owner], ...people, ...fields }
}

/** An event made in the CRM. The administrator makes it: others may invite nobody but themselves. */
export const visits = (scene: Scene, wanted: Visit = {}): Promise<string> => scene.simulators.putRecord('admin', 'Events', visit(scene, wanted))
export const visitsWeekly = (scene: Scene, count: number, wanted: Visit = {}): Promise<{ ids: string[] }> =>
  scene.simulators.control('vtenext/makeSeries', { as: 'admin', count, fields: visit(scene, wanted) })

/** The scenario's records that are not in the bin, by start. */
export async function recordsOf(scene: Scene, module = 'Events'): Promise<CrmRecord[]> {
  const all = (await scene.simulators.records(module)).filter((one) => carries(scene, one['subject'] ?? one['lastname']))
  const start = (one: CrmRecord) => `${one['date_start']} ${one['time_start']}`
  return all.sort((left, right) => (start(left) < start(right) ? -1 : 1))
}
export const recordOf = async (scene: Scene, index = 0): Promise<CrmRecord> => only((await recordsOf(scene)).slice(index, index + 1), `${scene.tag}: record ${index}`)

export async function editsRecord(scene: Scene, fields: object, index = 0): Promise<void> {
  await scene.simulators.editRecord('admin', (await recordOf(scene, index))['id'] ?? '', fields)
}
export async function removesRecord(scene: Scene, index = 0): Promise<void> {
  await scene.simulators.control('vtenext/remove', { id: (await recordOf(scene, index))['id'] })
}
/** As the browser does it; the CRM mails nobody. */
export async function answersInCrm(scene: Scene, who: string, answer: 'yes' | 'no', index = 0): Promise<void> {
  const { id } = await recordOf(scene, index)
  await scene.simulators.control('vtenext/answerInvitation', { id, userId: scene.ids[who], participation: answer === 'yes' ? 2 : 1 })
}

/** Who is on the record, with their answers: 0 none, 1 no, 2 yes. */
export async function inviteesOf(scene: Scene, index = 0): Promise<string[]> {
  const name = (id: string) => Object.entries(scene.ids).find(([, known]) => known === id)?.[0] ?? id
  const { invitees } = await recordOf(scene, index)
  return (invitees as unknown as { id: string; partecipation: number }[]).map(({ id, partecipation }) => `${name(id)} ${partecipation}`).sort()
}
