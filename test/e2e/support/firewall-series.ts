import { expect } from 'vitest'
import {
  answersInCrm, bossCancels, bossChanges, bossInvites, dayOf, deletes, deletesDate, edits, editsDate, editsRecord, GINA, GUEST, inviteesOf, itemOf, later,
  meets, named, occurrenceOf, recordsOf, removesRecord, repeating, visitsWeekly,
} from './firewall-scene.ts'
import type { Scene } from './firewall-scene.ts'
import type { Scenario } from './firewall-stage.ts'

/** Four Mondays, or whatever day it is in three days. */
const weekly = (scene: Scene, to: readonly string[], count = 4) => meets(scene, 'alice', { to, fields: repeating(scene, 'weekly', count) })
const bossWeekly = (scene: Scene, to: readonly string[], count = 4) => bossInvites(scene, { to, fields: repeating(scene, 'weekly', count) })

/** Repeating events with people on them. */
export const SERIES: readonly Scenario[] = [
  { name: 'a weekly meeting of alice with bob and a contact', before: (scene) => weekly(scene, ['bob', GINA]), left: { crm: 4, alice: 1, bob: 1 } },
  {
    name: 'a weekly meeting that began before the window',
    before: (scene) => meets(scene, 'alice', { days: -46, to: ['bob', GUEST], fields: repeating(scene, 'weekly', 10, -46) }),
    left: { crm: 7, alice: 1, bob: 1 },
  },
  { name: 'an endless invitation from outside', before: (scene) => bossInvites(scene, { days: 30, to: ['bob', GINA], fields: repeating(scene, 'weekly', 0, 30) }), left: { crm: 3, bob: 1 } },
  {
    name: 'a weekly meeting to which carol comes once only',
    before: async (scene) => {
      await weekly(scene, ['bob'])
      await editsDate(scene, 'alice', 2, { RequiredAttendees: ['bob@example.test', 'carol@example.test', GINA], send: true })
    },
    left: { crm: 4, alice: 1, bob: 1, carol: 1 },
    check: async (scene) => expect([await inviteesOf(scene, 1), await inviteesOf(scene, 2)]).toEqual([['bob 0'], ['bob 0', 'carol 0']]),
  },
  {
    name: 'a weekly meeting to which bob does not come once',
    before: async (scene) => { await weekly(scene, ['bob', 'carol']); await editsDate(scene, 'alice', 1, { RequiredAttendees: ['carol@example.test'], send: true }) },
    after: (scene) => editsDate(scene, 'alice', 2, { RequiredAttendees: ['bob@example.test'], send: true }),
    left: { crm: 4, alice: 1, bob: 1, carol: 1 },
  },
  {
    name: 'one date of a weekly meeting moves in Outlook and another falls out',
    before: (scene) => weekly(scene, ['bob', GINA]),
    after: async (scene) => { await editsDate(scene, 'alice', 1, { ...later(scene, 10), Location: 'Hall', send: true }); await deletesDate(scene, 'alice', 3, true) },
    left: { crm: 3, alice: 1, bob: 1 }, end: { crm: 4, alice: 1, bob: 1 },
  },
  {
    name: 'the rule of a meeting series changes',
    before: (scene) => weekly(scene, ['bob', GINA]),
    after: (scene) => edits(scene, 'alice', { ...repeating(scene, 'daily', 3), send: true }),
    left: { crm: 3, alice: 1, bob: 1 },
  },
  { name: 'alice calls a meeting series off in Outlook', before: (scene) => weekly(scene, ['bob', GINA]), after: (scene) => deletes(scene, 'alice', true), left: { bob: 1 }, end: { crm: 4, bob: 1 } },
  {
    name: 'alice renames one date and moves another of her meeting series in the CRM',
    before: (scene) => weekly(scene, ['bob', GINA]),
    after: async (scene) => { await editsRecord(scene, { subject: named(scene, 'Retro') }, 1); await editsRecord(scene, { time_start: '18:00', time_end: '19:00' }, 2) },
    left: { crm: 4, alice: 1, bob: 1 },
    check: async (scene) => expect((await occurrenceOf(scene, 'alice', 1)).fields['Subject']).toBe(named(scene, 'Retro')),
  },
  {
    name: 'one record of a meeting series is deleted in the CRM by its organizer',
    before: (scene) => weekly(scene, ['bob', GINA]),
    after: (scene) => removesRecord(scene, 1),
    left: { crm: 3, alice: 1, bob: 1 }, end: { crm: 4, alice: 1, bob: 1 },
  },
  {
    name: 'all records of a meeting series are deleted in the CRM by its organizer',
    before: (scene) => weekly(scene, ['bob', GINA]),
    after: async (scene) => { for (let n = 0; n < 4; n++) await removesRecord(scene) },
    left: { alice: 1, bob: 1 }, end: { crm: 4, alice: 1, bob: 1 },
  },
  {
    name: 'a date of somebody else\'s meeting series is changed and another deleted in the CRM: both are undone',
    before: (scene) => bossWeekly(scene, ['bob', GINA]),
    after: async (scene) => { await editsRecord(scene, { subject: named(scene, 'Mine'), location: 'Here' }, 1); await removesRecord(scene, 2) },
    left: { crm: 4, bob: 1 },
    check: async (scene) => expect((await recordsOf(scene)).map(({ subject }) => subject)).toEqual(Array(4).fill(named(scene))),
  },
  { name: 'one date of an outside series is called off, another moves', before: (scene) => bossWeekly(scene, ['bob']), after: async (scene) => {
    await bossCancels(scene, dayOf(scene, 10))
    await bossChanges(scene, { ...later(scene, 17) }, dayOf(scene, 17))
  }, left: { crm: 4, bob: 1 } },
  { name: 'an outside series is called off', before: (scene) => bossWeekly(scene, ['bob', 'carol']), after: (scene) => bossCancels(scene), left: { crm: 4, bob: 1, carol: 1 } },
  {
    name: 'bob accepts one date of an outside series in the CRM, silently',
    before: (scene) => bossWeekly(scene, ['bob', GINA]),
    after: (scene) => answersInCrm(scene, 'bob', 'yes', 1),
    left: { crm: 4, bob: 1 },
    check: async (scene) => expect((await occurrenceOf(scene, 'bob', 1)).fields['response']).toBe('Accept'),
  },
  { name: 'a series made in the CRM without anybody', before: (scene) => visitsWeekly(scene, 4), left: { crm: 4, alice: 1 } },
  { name: 'a series made in the CRM that invites bob and a contact', before: (scene) => visitsWeekly(scene, 3, { invitees: ['bob', GINA] }), left: { crm: 3, alice: 1, bob: 3 } },
  { name: 'a series of a group that invites carol', before: (scene) => visitsWeekly(scene, 3, { owner: 'Sales', invitees: ['carol'] }), left: { crm: 3, alice: 1, bob: 1, carol: 3 } },
  {
    name: 'a date of a CRM series with people is changed and another deleted in the CRM',
    before: (scene) => visitsWeekly(scene, 4, { invitees: ['bob', GINA] }),
    after: async (scene) => { await editsRecord(scene, { subject: named(scene, 'Exam'), time_start: '18:00', time_end: '19:00' }, 1); await removesRecord(scene, 3) },
    left: { crm: 3, alice: 1, bob: 3 },
  },
  {
    name: 'a CRM series with people is renamed in Outlook as a whole',
    before: (scene) => visitsWeekly(scene, 3, { invitees: ['bob', GINA] }),
    after: (scene) => edits(scene, 'alice', { Subject: named(scene, 'Exam') }),
    left: { crm: 3, alice: 1, bob: 3 },
  },
  { name: 'a CRM series is made while the database is lost', meanwhile: (scene) => visitsWeekly(scene, 3, { invitees: ['bob', GINA] }), left: {}, end: { crm: 3, alice: 1, bob: 3 } },
  {
    name: 'a meeting series is changed on both sides while the database is lost',
    before: (scene) => weekly(scene, ['bob', GINA]),
    meanwhile: async (scene) => { await editsDate(scene, 'alice', 1, { Location: 'Hall', send: true }); await editsRecord(scene, { location: 'Attic' }, 2) },
    left: { crm: 4, alice: 1, bob: 1 },
    check: async (scene) => expect((await itemOf(scene, 'alice')).fields['Location'] ?? '').toBe(''),
  },
]
