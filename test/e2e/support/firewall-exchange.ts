import { expect } from 'vitest'
import {
  answersInCrm, BOSS, bossInvites, deletes, edits, editsRecord, GINA, GUEST, inviteesOf, invited, itemOf, meets, named, recordOf, removesRecord, responds, visits,
  visitsWeekly,
} from './firewall-scene.ts'
import type { Scene } from './firewall-scene.ts'
import type { Scenario } from './firewall-stage.ts'

const to = (kind: string, ...people: string[]) => people.map((one) => `${kind} to ${one.includes('@') ? one : `${one}@example.test`}`)
const withBob = (scene: Scene) => visits(scene, { invitees: ['bob', GINA] })
const BOTH = { crm: 1, alice: 1, bob: 1 } as const
const invitesBoth = { 'after edits': to('invitation', 'bob', GINA) } as const

/** With `meetings: exchange`: a new event of the CRM with people on it is a real meeting, to which Exchange invites once. */
export const REAL_MEETINGS: readonly Scenario[] = [
  { name: 'an event with people that was there before', before: withBob, left: { crm: 1, alice: 1 } },
  {
    name: 'an event with people that was there before is renamed and moved in the CRM',
    before: withBob,
    after: (scene) => editsRecord(scene, { subject: named(scene, 'Call'), time_start: '18:00', time_end: '19:00' }),
    again: (scene) => editsRecord(scene, { location: 'Hall' }),
    left: { crm: 1, alice: 1 },
  },
  {
    name: 'bob answers in the CRM to an event with people that was there before',
    before: withBob,
    after: (scene) => answersInCrm(scene, 'bob', 'yes'),
    left: { crm: 1, alice: 1 },
    check: async (scene) => expect(await inviteesOf(scene)).toEqual(['bob 2', 'gina 0']),
  },
  {
    name: 'carol is asked, too, to an event with people that was there before: it stays one that names them',
    before: withBob,
    after: (scene) => editsRecord(scene, { invitees: invited(['bob', 'carol', GINA]) }),
    left: { crm: 1, alice: 1 },
  },
  {
    name: 'somebody writes over the names in the text of an event with people that was there before',
    before: withBob,
    after: (scene) => edits(scene, 'alice', { Body: 'Bring the plans' }),
    left: { crm: 1, alice: 1 },
  },
  {
    name: 'an event with people that was there before is given to carol',
    before: withBob,
    after: (scene) => editsRecord(scene, { assigned_user_id: scene.ids['carol'] }),
    left: { crm: 1, carol: 1 },
  },
  {
    name: 'a new event of somebody outside to whom the CRM has people on it',
    after: (scene) => visits(scene, { invitees: ['bob', GINA], fields: { organizer: { type: 'Other', value: BOSS } } }),
    left: { crm: 1, alice: 1 },
  },
  {
    name: 'carol is asked to an event of a group later: she is invited once',
    before: (scene) => visits(scene, { owner: 'Sales' }),
    after: (scene) => editsRecord(scene, { invitees: invited(['carol']) }),
    again: (scene) => editsRecord(scene, { invitees: invited(['carol', 'admin']) }),
    mails: { 'after edits': to('invitation', 'carol'), 'after more edits': to('invitation', 'admin') },
    left: { crm: 1, alice: 1, bob: 1, carol: 1 },
  },
  {
    name: 'a new event of a group to which carol is asked is renamed and answered later: she is told once',
    after: (scene) => visits(scene, { owner: 'Sales', invitees: ['carol'] }),
    again: async (scene) => { await responds(scene, 'carol', 'accept'); await editsRecord(scene, { subject: named(scene, 'Call') }) },
    mails: { 'after edits': to('invitation', 'carol'), 'after more edits': to('update', 'carol') },
    left: { crm: 1, alice: 1, bob: 1, carol: 1 },
  },
  {
    name: 'a new event with people is deleted in Outlook and edited in the CRM: it comes back without a word',
    after: withBob,
    again: async (scene) => { await deletes(scene, 'alice', true); await editsRecord(scene, { location: 'Hall' }) },
    mails: invitesBoth,
    left: BOTH,
  },
  {
    name: 'a new event with people, made again from the bin of the CRM',
    after: withBob,
    again: async (scene) => { const { id } = await recordOf(scene); await removesRecord(scene); await scene.simulators.control('vtenext/restore', { id }) },
    mails: invitesBoth,
    left: BOTH,
  },
  { name: 'a series with people that was there before', before: (scene) => visitsWeekly(scene, 3, { invitees: ['bob'] }), left: { crm: 3, alice: 1 } },
  {
    name: 'a new event with people: each is invited once',
    after: (scene) => visits(scene, { invitees: ['bob', 'carol', GINA] }),
    mails: { 'after edits': to('invitation', 'bob', 'carol', GINA) },
    left: { crm: 1, alice: 1, bob: 1, carol: 1 },
    check: async (scene) => expect((await itemOf(scene, 'alice')).fields['RequiredAttendees']).toHaveLength(3),
  },
  { name: 'a new event in the past', after: (scene) => visits(scene, { days: -5, invitees: ['bob', GINA] }), left: { crm: 1, alice: 1 } },
  { name: 'a new event without anybody', after: (scene) => visits(scene), left: { crm: 1, alice: 1 } },
  { name: 'a new event to which its owner alone is asked', after: (scene) => visits(scene, { invitees: ['alice'] }), left: { crm: 1, alice: 1 } },
  {
    name: 'a new event of a group to which carol is asked: she is invited once',
    after: (scene) => visits(scene, { owner: 'Sales', invitees: ['carol'] }),
    mails: { 'after edits': to('invitation', 'carol') },
    left: { crm: 1, alice: 1, bob: 1, carol: 1 },
  },
  {
    name: 'a new series with people: each is invited once',
    after: (scene) => visitsWeekly(scene, 3, { invitees: ['bob'] }),
    mails: { 'after edits': to('invitation', 'bob') },
    left: { crm: 3, alice: 1, bob: 1 },
  },
  {
    name: 'a new event with people is renamed later: each is told once',
    after: withBob,
    again: (scene) => editsRecord(scene, { subject: named(scene, 'Call') }),
    mails: { ...invitesBoth, 'after more edits': to('update', 'bob', GINA) },
    left: BOTH,
  },
  {
    name: 'a new event with people is deleted later: each is told once',
    after: withBob,
    again: (scene) => removesRecord(scene),
    mails: { ...invitesBoth, 'after more edits': to('cancellation', 'bob', GINA) },
    left: BOTH, end: { bob: 1 },
  },
  {
    name: 'carol is asked to a new event later: she alone is invited',
    after: withBob,
    again: (scene) => editsRecord(scene, { invitees: invited(['bob', 'carol', GINA]) }),
    mails: { ...invitesBoth, 'after more edits': to('invitation', 'carol') },
    left: BOTH, end: { ...BOTH, carol: 1 },
  },
  {
    name: 'bob is taken off a new event later: he alone is told',
    after: withBob,
    again: (scene) => editsRecord(scene, { invitees: invited([GINA]) }),
    mails: { ...invitesBoth, 'after more edits': to('cancellation', 'bob') },
    left: BOTH,
  },
  {
    name: 'bob answers a new event in the CRM, silently',
    after: withBob,
    again: (scene) => answersInCrm(scene, 'bob', 'yes'),
    mails: invitesBoth,
    left: BOTH,
    checkEnd: async (scene) => expect((await itemOf(scene, 'bob')).fields['response']).toBe('Accept'),
  },
  { name: 'bob answers a new event in Outlook', after: withBob, again: (scene) => responds(scene, 'bob', 'tentative'), mails: invitesBoth, left: BOTH },
  {
    name: 'a new event is given to carol later',
    after: withBob,
    again: (scene) => editsRecord(scene, { assigned_user_id: scene.ids['carol'] }),
    mails: invitesBoth,
    left: BOTH, end: { ...BOTH, carol: 1 },
  },
  { name: 'an event with people made while the database is lost', meanwhile: withBob, left: {}, end: { crm: 1, alice: 1 } },
  {
    name: 'carol is asked in the CRM to a meeting of Outlook: she alone is invited',
    before: (scene) => meets(scene, 'alice', { to: ['bob', GUEST] }),
    after: (scene) => editsRecord(scene, { invitees: invited(['bob', 'carol']) }),
    mails: { 'after edits': to('invitation', 'carol') },
    left: { ...BOTH, carol: 1 },
  },
  {
    name: 'carol is asked in the CRM to a past meeting of Outlook',
    before: (scene) => meets(scene, 'alice', { days: -4, to: ['bob', GUEST] }),
    after: (scene) => editsRecord(scene, { invitees: invited(['bob', 'carol']) }),
    left: BOTH,
  },
  {
    name: 'bob is asked in the CRM to an event of Outlook: he is invited once',
    before: (scene) => meets(scene, 'alice'),
    after: (scene) => editsRecord(scene, { invitees: invited(['bob']) }),
    mails: { 'after edits': to('invitation', 'bob') },
    left: BOTH,
  },
  {
    name: 'carol is asked in the CRM to a meeting of somebody else, which is undone',
    before: (scene) => bossInvites(scene, { to: ['bob', GUEST] }),
    after: (scene) => editsRecord(scene, { invitees: invited(['bob', 'carol']) }),
    left: { crm: 1, bob: 1 },
  },
  {
    name: 'the record of a meeting with a contact is deleted in the CRM and comes back: the contact is not mailed anew',
    before: (scene) => bossInvites(scene, { to: ['bob', GINA] }),
    after: (scene) => removesRecord(scene),
    mails: { 'first sync': [`CRM invitation to ${GINA}`] },
    left: { crm: 1, bob: 1 },
  },
]
