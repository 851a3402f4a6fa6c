import { expect } from 'vitest'
import {
  answersInCrm, BOSS, bossCancels, bossInvites, edits, editsDate, editsRecord, GINA, GUEST, inviteesOf, itemOf, later, MAX, meets, named, recordOf, removesRecord, repeating,
  responds, visits, visitsWeekly,
} from './firewall-scene.ts'
import type { Scenario } from './firewall-stage.ts'

const EVERYBODY = ['bob', GUEST] as const
const toEverybody = (kind: string) => [`${kind} to bob@example.test`, `${kind} to ${GUEST}`]

/** With `sendMeetingUpdates` and `cancelMeetings`: what an organizer changes in the CRM is told to the attendees of meetings to come, once. */
export const UPDATES: readonly Scenario[] = [
  { name: 'the first sync of a meeting to come', before: (scene) => meets(scene, 'alice', { to: EVERYBODY }), left: { crm: 1, alice: 1, bob: 1 } },
  { name: 'the first sync of a past meeting', before: (scene) => meets(scene, 'alice', { days: -5, to: EVERYBODY }), left: { crm: 1, alice: 1, bob: 1 } },
  { name: 'the first sync of a meeting series', before: (scene) => meets(scene, 'alice', { to: EVERYBODY, fields: repeating(scene, 'weekly', 4) }), left: { crm: 4, alice: 1, bob: 1 } },
  { name: 'the first sync of an invitation from outside', before: (scene) => bossInvites(scene, { to: ['alice', 'bob', GUEST] }), left: { crm: 1, alice: 1, bob: 1 } },
  {
    name: 'alice renames a meeting in the CRM: everybody is told once',
    before: (scene) => meets(scene, 'alice', { to: EVERYBODY }),
    after: (scene) => editsRecord(scene, { subject: named(scene, 'Council') }),
    mails: { 'after edits': toEverybody('update') },
    left: { crm: 1, alice: 1, bob: 1 },
    check: async (scene) => expect((await itemOf(scene, 'bob')).fields['Subject']).toBe(named(scene, 'Council')),
  },
  {
    name: 'alice moves a meeting in the CRM twice: everybody is told twice',
    before: (scene) => meets(scene, 'alice', { to: EVERYBODY }),
    after: (scene) => editsRecord(scene, { time_start: '18:00', time_end: '19:00' }),
    again: (scene) => editsRecord(scene, { time_start: '20:00', time_end: '21:00' }),
    mails: { 'after edits': toEverybody('update'), 'after more edits': toEverybody('update') },
    left: { crm: 1, alice: 1, bob: 1 },
  },
  {
    name: 'alice changes place, text and time in three saves between two syncs: everybody is told once',
    before: (scene) => meets(scene, 'alice', { to: EVERYBODY }),
    after: async (scene) => {
      await editsRecord(scene, { location: 'Hall' })
      await editsRecord(scene, { description: 'Bring the plans' })
      await editsRecord(scene, { time_start: '18:00', time_end: '19:00' })
    },
    mails: { 'after edits': toEverybody('update') },
    left: { crm: 1, alice: 1, bob: 1 },
  },
  {
    name: 'alice sets only a reminder in the CRM',
    before: (scene) => meets(scene, 'alice', { to: EVERYBODY }),
    after: (scene) => editsRecord(scene, { reminder_time: '30' }),
    left: { crm: 1, alice: 1, bob: 1 },
  },
  {
    name: 'alice moves and renames a past meeting in the CRM',
    before: (scene) => meets(scene, 'alice', { days: -4, to: EVERYBODY }),
    after: (scene) => editsRecord(scene, { subject: named(scene, 'Council'), time_start: '18:00', time_end: '19:00' }),
    left: { crm: 1, alice: 1, bob: 1 },
    check: async (scene) => expect((await itemOf(scene, 'alice')).fields['Subject']).toBe(named(scene, 'Council')),
  },
  {
    name: 'alice renames a meeting in the CRM while the database of the connector is lost',
    before: (scene) => meets(scene, 'alice', { to: [GUEST] }),
    meanwhile: (scene) => editsRecord(scene, { subject: named(scene, 'Council') }),
    left: { crm: 1, alice: 1 },
    checkEnd: async (scene) => expect((await itemOf(scene, 'alice')).fields['Subject']).toBe(named(scene, 'Council')),
  },
  {
    name: 'alice renames a meeting in Outlook and tells everybody herself',
    before: (scene) => meets(scene, 'alice', { to: EVERYBODY }),
    after: (scene) => edits(scene, 'alice', { Subject: named(scene, 'Council'), ...later(scene, 3), send: true }),
    left: { crm: 1, alice: 1, bob: 1 },
  },
  {
    name: 'alice changes the place in Outlook and the subject in the CRM: everybody is told once',
    before: (scene) => meets(scene, 'alice', { to: EVERYBODY }),
    after: async (scene) => { await edits(scene, 'alice', { Location: 'Hall', send: true }); await editsRecord(scene, { subject: named(scene, 'Council') }) },
    mails: { 'after edits': toEverybody('update') },
    left: { crm: 1, alice: 1, bob: 1 },
  },
  {
    name: 'alice renames a meeting in the CRM whose invitations she has not sent yet',
    before: (scene) => meets(scene, 'alice', { to: [GUEST], send: false }),
    after: (scene) => editsRecord(scene, { subject: named(scene, 'Council') }),
    left: { crm: 1, alice: 1 },
  },
  {
    name: 'the record of a meeting to come is deleted: it is called off',
    before: (scene) => meets(scene, 'alice', { to: EVERYBODY }),
    after: (scene) => removesRecord(scene),
    mails: { 'after edits': toEverybody('cancellation') },
    left: { bob: 1 }, end: { crm: 1, bob: 1 },
  },
  {
    name: 'the record of a past meeting is deleted',
    before: (scene) => meets(scene, 'alice', { days: -5, to: EVERYBODY }),
    after: (scene) => removesRecord(scene),
    left: { bob: 1 }, end: { crm: 1, bob: 1 },
  },
  {
    name: 'a meeting of somebody else is changed in the CRM, which is undone',
    before: (scene) => bossInvites(scene, { to: EVERYBODY }),
    after: (scene) => editsRecord(scene, { subject: named(scene, 'Mine') }),
    left: { crm: 1, bob: 1 },
  },
  {
    name: 'the record of a meeting of somebody else is deleted in the CRM and stays away',
    before: (scene) => bossInvites(scene, { to: EVERYBODY }),
    after: (scene) => removesRecord(scene),
    left: { bob: 1 }, end: { crm: 1, bob: 1 },
  },
  {
    name: 'an event of the CRM with people is changed and then deleted there',
    before: (scene) => visits(scene, { invitees: ['bob', GINA] }),
    after: (scene) => editsRecord(scene, { subject: named(scene, 'Call') }),
    again: (scene) => removesRecord(scene),
    left: { crm: 1, alice: 1, bob: 1 }, end: {},
  },
  {
    name: 'alice renames one date of a meeting series in the CRM: everybody is told once',
    before: (scene) => meets(scene, 'alice', { to: EVERYBODY, fields: repeating(scene, 'weekly', 4) }),
    after: (scene) => editsRecord(scene, { subject: named(scene, 'Retro') }, 1),
    mails: { 'after edits': toEverybody('update') },
    left: { crm: 4, alice: 1, bob: 1 },
  },
  {
    name: 'a date to which carol comes, too, is moved in the CRM: she is told as well',
    before: async (scene) => {
      await meets(scene, 'alice', { to: EVERYBODY, fields: repeating(scene, 'weekly', 3) })
      await editsDate(scene, 'alice', 1, { RequiredAttendees: ['bob@example.test', 'carol@example.test', GUEST], send: true })
    },
    after: (scene) => editsRecord(scene, { time_start: '18:00', time_end: '19:00' }, 1),
    mails: { 'after edits': ['update to bob@example.test', 'update to carol@example.test', `update to ${GUEST}`] },
    left: { crm: 3, alice: 1, bob: 1, carol: 1 },
  },
  {
    name: 'one record of a meeting series is deleted: that date is called off',
    before: (scene) => meets(scene, 'alice', { to: EVERYBODY, fields: repeating(scene, 'weekly', 4) }),
    after: (scene) => removesRecord(scene, 1),
    mails: { 'after edits': toEverybody('cancellation') },
    left: { crm: 3, alice: 1, bob: 1 }, end: { crm: 4, alice: 1, bob: 1 },
  },
  {
    name: 'every record of a meeting series that began already is deleted: it is called off once',
    before: (scene) => meets(scene, 'alice', { days: -8, to: EVERYBODY, fields: repeating(scene, 'weekly', 4, -8) }),
    after: async (scene) => { for (let left = 4; left > 0; left--) await removesRecord(scene) },
    mails: { 'after edits': toEverybody('cancellation') },
    left: { bob: 1 }, end: { crm: 4, bob: 1 },
  },
  { name: 'a CRM series with people', before: (scene) => visitsWeekly(scene, 3, { invitees: ['bob', GINA] }), after: (scene) => editsRecord(scene, { location: 'Hall' }, 1), left: { crm: 3, alice: 1, bob: 3 } },
]

/** With `answers: mail`: an answer given in the CRM reaches the organizer, once. */
export const ANSWERS: readonly Scenario[] = [
  {
    name: 'bob accepts an invitation of alice in the CRM: she is told once',
    before: (scene) => meets(scene, 'alice', { to: EVERYBODY }),
    after: (scene) => answersInCrm(scene, 'bob', 'yes'),
    mails: { 'after edits': ['Accept to alice@example.test'] },
    left: { crm: 1, alice: 1, bob: 1 },
    check: async (scene) => expect(await inviteesOf(scene)).toEqual(['bob 2']),
  },
  {
    name: 'bob accepts an invitation from outside in the CRM: its organizer is told once',
    before: (scene) => bossInvites(scene, { to: EVERYBODY }),
    after: (scene) => answersInCrm(scene, 'bob', 'yes'),
    mails: { 'after edits': [`Accept to ${BOSS}`] },
    left: { crm: 1, bob: 1 },
  },
  {
    name: 'bob declines an invitation of alice in the CRM: she is told once',
    before: (scene) => meets(scene, 'alice', { to: EVERYBODY }),
    after: (scene) => answersInCrm(scene, 'bob', 'no'),
    mails: { 'after edits': ['Decline to alice@example.test'] },
    left: { crm: 1, alice: 1 },
  },
  {
    name: 'bob accepts one date of an outside series in the CRM: its organizer is told once',
    before: (scene) => bossInvites(scene, { to: EVERYBODY, fields: repeating(scene, 'weekly', 3) }),
    after: (scene) => answersInCrm(scene, 'bob', 'yes', 1),
    mails: { 'after edits': [`Accept to ${BOSS}`] },
    left: { crm: 3, bob: 1 },
  },
  {
    name: 'bob declines one date of an outside series in the CRM: its organizer is told once, and the date leaves both calendars',
    before: (scene) => bossInvites(scene, { to: EVERYBODY, fields: repeating(scene, 'weekly', 3) }),
    after: (scene) => answersInCrm(scene, 'bob', 'no', 1),
    mails: { 'after edits': [`Decline to ${BOSS}`] },
    left: { crm: 2, bob: 1 },
  },
  {
    name: 'bob accepts a past invitation in the CRM',
    before: (scene) => bossInvites(scene, { days: -4, to: EVERYBODY }),
    after: (scene) => answersInCrm(scene, 'bob', 'yes'),
    left: { crm: 1, bob: 1 },
  },
  {
    name: 'bob answers in Outlook',
    before: (scene) => bossInvites(scene, { to: EVERYBODY }),
    after: (scene) => responds(scene, 'bob', 'accept'),
    left: { crm: 1, bob: 1 },
  },
  {
    name: 'bob answers an invitation of alice in the CRM while the database of the connector is lost',
    before: (scene) => meets(scene, 'alice', { to: EVERYBODY }),
    meanwhile: (scene) => answersInCrm(scene, 'bob', 'yes'),
    left: { crm: 1, alice: 1, bob: 1 },
  },
  {
    name: 'bob answers in the CRM while the database of the connector is lost',
    before: (scene) => bossInvites(scene, { to: EVERYBODY }),
    meanwhile: (scene) => answersInCrm(scene, 'bob', 'yes'),
    left: { crm: 1, bob: 1 },
  },
]

const ginaOnce = [`CRM invitation to ${GINA}`]

/** With `inviteContacts`: a contact on a meeting becomes an invitee of its record, and the CRM itself mails them, once. */
export const CONTACTS: readonly Scenario[] = [
  {
    name: 'a meeting with a contact: the CRM mails them at the first sync',
    before: (scene) => meets(scene, 'alice', { to: ['bob', GINA] }),
    after: (scene) => edits(scene, 'alice', { ...later(scene, 3), Location: 'Hall', send: true }),
    mails: { 'first sync': ginaOnce },
    left: { crm: 1, alice: 1, bob: 1 },
    check: async (scene) => expect(await inviteesOf(scene)).toEqual(['bob 0', 'gina 0']),
  },
  {
    name: 'a contact is invited later: the CRM mails them then',
    before: (scene) => meets(scene, 'alice', { to: ['bob'] }),
    after: (scene) => edits(scene, 'alice', { RequiredAttendees: ['bob@example.test', GINA], send: true }),
    mails: { 'after edits': ginaOnce },
    left: { crm: 1, alice: 1, bob: 1 },
  },
  {
    name: 'a series with a contact: the CRM mails them for each of its records',
    before: (scene) => meets(scene, 'alice', { to: [GINA], fields: repeating(scene, 'weekly', 3) }),
    mails: { 'first sync': [...ginaOnce, ...ginaOnce, ...ginaOnce] },
    left: { crm: 3, alice: 1 },
  },
  {
    name: 'a contact whom the CRM cannot invite without somebody else is only named',
    before: (scene) => meets(scene, 'alice', { to: ['bob', MAX] }),
    left: { crm: 1, alice: 1, bob: 1 },
    check: async (scene) => expect((await recordOf(scene))['description']).toContain(MAX),
  },
  { name: 'a private meeting with a contact', before: (scene) => meets(scene, 'alice', { to: [GINA], fields: { Sensitivity: 'Private' } }), left: { alice: 1 } },
  { name: 'a meeting with a contact whose invitations are not sent yet', before: (scene) => meets(scene, 'alice', { to: [GINA], send: false }), left: { crm: 1, alice: 1 } },
  {
    name: 'a meeting with a contact that was called off before',
    before: async (scene) => { await bossInvites(scene, { to: ['bob', GINA] }); await bossCancels(scene) },
    left: { crm: 1, bob: 1 },
  },
  { name: 'a past meeting with a contact', before: (scene) => meets(scene, 'alice', { days: -5, to: [GINA] }), left: { crm: 1, alice: 1 } },
  {
    name: 'an event of the CRM with a contact who was mailed when it was made',
    before: (scene) => visits(scene, { invitees: ['bob', GINA] }),
    after: (scene) => edits(scene, 'alice', later(scene, 4)),
    left: { crm: 1, alice: 1, bob: 1 },
  },
]
