import { expect } from 'vitest'
import {
  answersInCrm, bossCancels, bossChanges, bossInvites, deletes, edits, editsRecord, GINA, guestAnswers, GUEST, invited, inviteesOf, itemOf, itemsOf,
  later, meets, named, recordOf, removesRecord, responds,
} from './firewall-scene.ts'
import type { Scenario } from './firewall-stage.ts'

const EVERYBODY = ['bob', GINA, GUEST] as const

/** Meetings that people organise in Outlook, and what may become of them on both sides. */
export const MEETINGS: readonly Scenario[] = [
  {
    name: 'a meeting to come, organised by alice with bob, a contact and a stranger',
    before: (scene) => meets(scene, 'alice', { to: EVERYBODY }),
    left: { crm: 1, alice: 1, bob: 1 },
    check: async (scene) => expect(await inviteesOf(scene)).toEqual(['bob 0']),
  },
  { name: 'the same, over since days', before: (scene) => meets(scene, 'alice', { days: -5, to: EVERYBODY }), left: { crm: 1, alice: 1, bob: 1 } },
  { name: 'invitations that alice has written but not sent yet', before: (scene) => meets(scene, 'alice', { to: EVERYBODY, send: false }), left: { crm: 1, alice: 1 } },
  {
    name: 'an all-day meeting with optional attendees and a room',
    before: (scene) => meets(scene, 'alice', { to: ['bob'], fields: {
      ...later(scene, 5), IsAllDayEvent: true, OptionalAttendees: ['carol@example.test', GUEST], Resources: ['room1@ext.test'],
    } }),
    left: { crm: 1, alice: 1, bob: 1, carol: 1 },
  },
  { name: 'a private meeting, of which the CRM learns only the time', before: (scene) => meets(scene, 'alice', { to: EVERYBODY, fields: { Sensitivity: 'Private' } }), left: { alice: 1, bob: 1 } },
  { name: 'an invitation from outside that bob has not answered', before: (scene) => bossInvites(scene, { to: ['bob', GUEST] }), left: { crm: 1, bob: 1 } },
  {
    name: 'an invitation from outside that bob accepted by mail before',
    before: async (scene) => { await bossInvites(scene, { to: ['bob'] }); await responds(scene, 'bob', 'accept') },
    left: { crm: 1, bob: 1 },
    check: async (scene) => expect(await inviteesOf(scene)).toEqual(['bob 2']),
  },
  {
    name: 'an invitation from outside that bob accepted without telling, in the past',
    before: async (scene) => { await bossInvites(scene, { days: -4, to: ['bob'] }); await responds(scene, 'bob', 'tentative', false) },
    left: { crm: 1, bob: 1 },
  },
  { name: 'one invitation from outside in three calendars', before: (scene) => bossInvites(scene, { to: ['alice', 'bob', 'carol', GINA] }), left: { crm: 1, alice: 1, bob: 1, carol: 1 } },
  {
    name: 'a meeting that was called off before the connector came',
    before: async (scene) => { await bossInvites(scene, { to: ['bob'] }); await bossCancels(scene) },
    left: { crm: 1, bob: 1 },
  },
  { name: 'a meeting that its outside organizer calls off', before: (scene) => bossInvites(scene, { to: ['bob'] }), after: (scene) => bossCancels(scene), left: { crm: 1, bob: 1 } },
  {
    name: 'a meeting that its outside organizer moves and renames',
    before: (scene) => bossInvites(scene, { to: ['alice', 'bob'] }),
    after: (scene) => bossChanges(scene, { ...later(scene, 3), Subject: named(scene, 'Audit'), Location: 'Room 9' }),
    left: { crm: 1, alice: 1, bob: 1 },
    check: async (scene) => expect(await recordOf(scene)).toMatchObject({ subject: named(scene, 'Audit'), location: 'Room 9' }),
  },
  {
    name: 'a meeting from which its outside organizer takes bob off',
    before: (scene) => bossInvites(scene, { to: ['alice', 'bob'] }),
    after: (scene) => bossChanges(scene, { RequiredAttendees: ['alice@example.test'] }),
    left: { crm: 1, alice: 1, bob: 1 },
  },
  {
    name: 'alice changes subject, time, place and text of her meeting in Outlook and tells everybody',
    before: (scene) => meets(scene, 'alice', { to: EVERYBODY }),
    after: (scene) => edits(scene, 'alice', { ...later(scene, 3), Subject: named(scene, 'Council'), Location: 'Hall', Body: 'Agenda', send: true }),
    left: { crm: 1, alice: 1, bob: 1 },
  },
  {
    name: 'alice changes her meeting in Outlook and tells nobody',
    before: (scene) => meets(scene, 'alice', { to: EVERYBODY }),
    after: (scene) => edits(scene, 'alice', { ...later(scene, 3), Location: 'Hall' }),
    left: { crm: 1, alice: 1, bob: 1 },
  },
  {
    name: 'alice invites carol too and takes bob off in Outlook',
    before: (scene) => meets(scene, 'alice', { to: ['bob'] }),
    after: (scene) => edits(scene, 'alice', { RequiredAttendees: ['carol@example.test', GINA], send: true }),
    left: { crm: 1, alice: 1, bob: 1, carol: 1 },
    check: async (scene) => expect(await inviteesOf(scene)).toEqual(['carol 0']),
  },
  {
    name: 'alice calls her meeting off in Outlook',
    before: (scene) => meets(scene, 'alice', { to: EVERYBODY }),
    after: (scene) => deletes(scene, 'alice', true),
    left: { bob: 1 }, end: { crm: 1, bob: 1 },
  },
  { name: 'alice deletes her meeting in Outlook and tells nobody', before: (scene) => meets(scene, 'alice', { to: [GINA, GUEST] }), after: (scene) => deletes(scene, 'alice'), left: {} },
  { name: 'alice deletes a past meeting in Outlook', before: (scene) => meets(scene, 'alice', { days: -6, to: [GINA, GUEST] }), after: (scene) => deletes(scene, 'alice'), left: { crm: 1 }, end: { crm: 1, alice: 1 } },
  {
    name: 'bob declines in Outlook, and somebody outside answers',
    before: (scene) => meets(scene, 'alice', { to: EVERYBODY }),
    after: async (scene) => { await responds(scene, 'bob', 'decline'); await guestAnswers(scene, 'alice', 'accept') },
    left: { crm: 1, alice: 1 },
    check: async (scene) => expect(await inviteesOf(scene)).toEqual(['bob 1']),
  },
  {
    name: 'bob deletes the invitation from outside in Outlook',
    before: (scene) => bossInvites(scene, { to: ['bob'] }),
    after: (scene) => deletes(scene, 'bob'),
    left: {},
  },
  ...meetingsInTheCrm(),
]

/** The same meetings, changed in the CRM. */
function meetingsInTheCrm(): Scenario[] {
  return [
    {
      name: 'alice renames her meeting in the CRM',
      before: (scene) => meets(scene, 'alice', { to: EVERYBODY }),
      after: (scene) => editsRecord(scene, { subject: named(scene, 'Council') }),
      left: { crm: 1, alice: 1, bob: 1 },
      check: async (scene) => expect((await itemOf(scene, 'alice')).fields['Subject']).toBe(named(scene, 'Council')),
    },
    {
      name: 'alice moves her meeting in the CRM',
      before: (scene) => meets(scene, 'alice', { to: EVERYBODY }),
      after: (scene) => editsRecord(scene, { time_start: '18:00', time_end: '19:00' }),
      again: (scene) => editsRecord(scene, { time_start: '20:00', time_end: '21:00' }),
      left: { crm: 1, alice: 1, bob: 1 },
    },
    {
      name: 'alice changes place and text of her meeting in the CRM',
      before: (scene) => meets(scene, 'alice', { to: EVERYBODY }),
      after: (scene) => editsRecord(scene, { location: 'Hall', description: 'Bring the plans' }),
      left: { crm: 1, alice: 1, bob: 1 },
      check: async (scene) => expect((await itemOf(scene, 'alice')).fields).toMatchObject({ Location: 'Hall' }),
    },
    {
      name: 'alice moves her past meeting in the CRM',
      before: (scene) => meets(scene, 'alice', { days: -4, to: EVERYBODY }),
      after: (scene) => editsRecord(scene, { location: 'Hall', time_start: '18:00', time_end: '19:00' }),
      left: { crm: 1, alice: 1, bob: 1 },
    },
    {
      name: 'the people of a meeting are changed in the CRM, which is undone',
      before: (scene) => meets(scene, 'alice', { to: ['bob'] }),
      after: (scene) => editsRecord(scene, { invitees: invited(['carol', GINA]) }),
      left: { crm: 1, alice: 1, bob: 1 },
      check: async (scene) => expect(await inviteesOf(scene)).toEqual(['bob 0']),
    },
    {
      name: 'the record of a meeting is deleted in the CRM by its organizer',
      before: (scene) => meets(scene, 'alice', { to: EVERYBODY }),
      after: (scene) => removesRecord(scene),
      left: { alice: 1, bob: 1 }, end: { crm: 1, alice: 1, bob: 1 },
    },
    {
      name: 'the record of a meeting is given to carol in the CRM',
      before: (scene) => meets(scene, 'alice', { to: EVERYBODY }),
      after: (scene) => editsRecord(scene, { assigned_user_id: scene.ids['carol'] }),
      left: { crm: 1, alice: 1, bob: 1, carol: 1 },
    },
    {
      name: 'a meeting of somebody else is changed in the CRM, which is undone',
      before: (scene) => bossInvites(scene, { to: ['bob', GINA] }),
      after: (scene) => editsRecord(scene, { subject: named(scene, 'Mine'), time_start: '18:00', time_end: '19:00', location: 'Here' }),
      left: { crm: 1, bob: 1 },
      check: async (scene) => expect(await recordOf(scene)).toMatchObject({ subject: named(scene), location: '' }),
    },
    {
      name: 'the record of a meeting of somebody else is deleted in the CRM and comes back',
      before: (scene) => bossInvites(scene, { to: ['bob', GINA] }),
      after: (scene) => removesRecord(scene),
      left: { crm: 1, bob: 1 },
    },
    {
      name: 'bob accepts an invitation from outside in the CRM, silently',
      before: (scene) => bossInvites(scene, { to: ['bob'] }),
      after: (scene) => answersInCrm(scene, 'bob', 'yes'),
      left: { crm: 1, bob: 1 },
      check: async (scene) => expect((await itemOf(scene, 'bob')).fields['response']).toBe('Accept'),
    },
    {
      name: 'bob declines an invitation of alice in the CRM, silently',
      before: (scene) => meets(scene, 'alice', { to: EVERYBODY }),
      after: (scene) => answersInCrm(scene, 'bob', 'no'),
      left: { crm: 1, alice: 1 },
      check: async (scene) => expect(await inviteesOf(scene)).toEqual(['bob 1']),
    },
    {
      name: 'bob answers in the CRM while the database of the connector is lost',
      before: (scene) => meets(scene, 'alice', { to: EVERYBODY }),
      meanwhile: (scene) => answersInCrm(scene, 'bob', 'yes'),
      left: { crm: 1, alice: 1, bob: 1 },
    },
    {
      name: 'one meeting is changed on both sides at once',
      before: (scene) => meets(scene, 'alice', { to: EVERYBODY }),
      after: async (scene) => { await edits(scene, 'alice', { Location: 'Hall', send: true }); await editsRecord(scene, { subject: named(scene, 'Council') }) },
      meanwhile: async (scene) => { await edits(scene, 'alice', { Location: 'Attic', send: true }); await editsRecord(scene, { subject: named(scene, 'Assembly') }) },
      left: { crm: 1, alice: 1, bob: 1 },
    },
    {
      name: 'an event of alice becomes a meeting in Outlook',
      before: (scene) => meets(scene, 'alice'),
      after: (scene) => edits(scene, 'alice', { RequiredAttendees: ['bob@example.test', GINA], send: true }),
      left: { crm: 1, alice: 1, bob: 1 },
      check: async (scene) => expect((await itemsOf(scene, 'bob')).length).toBe(1),
    },
  ]
}
