import { expect } from 'vitest'
import { answersInCrm, deletes, edits, editsRecord, GINA, GUEST, invited, inviteesOf, itemOf, later, meets, named, recordOf, recordsOf, removesRecord, visits } from './firewall-scene.ts'
import type { Scene } from './firewall-scene.ts'
import type { Scenario } from './firewall-stage.ts'

const task = (scene: Scene, fields: object = {}) => scene.simulators.putRecord('admin', 'Calendar', { subject: named(scene, 'Call'), date_start: '2030-01-10', due_date: '2030-01-11', assigned_user_id: scene.ids['alice'], ...fields })

/** Events made in the CRM, with and without people, and what may become of them on both sides. */
export const VISITS: readonly Scenario[] = [
  { name: 'an event of the CRM without anybody', before: (scene) => visits(scene), left: { crm: 1, alice: 1 } },
  { name: 'an event of the CRM that invites bob', before: (scene) => visits(scene, { invitees: ['bob'] }), left: { crm: 1, alice: 1, bob: 1 } },
  { name: 'an event of the CRM that invites a contact, whom the CRM itself has mailed', before: (scene) => visits(scene, { invitees: [GINA] }), left: { crm: 1, alice: 1 } },
  { name: 'an event of the CRM that invites a colleague without a mailbox', before: (scene) => visits(scene, { invitees: ['dave'] }), left: { crm: 1, alice: 1 } },
  { name: 'a past event of the CRM with everybody', before: (scene) => visits(scene, { days: -5, invitees: ['bob', 'carol', 'dave', GINA] }), left: { crm: 1, alice: 1, bob: 1, carol: 1 } },
  { name: 'an event of a group that invites carol and a contact', before: (scene) => visits(scene, { owner: 'Sales', invitees: ['carol', GINA] }), left: { crm: 1, alice: 1, bob: 1, carol: 1 } },
  { name: 'an event that bob is asked to in the CRM after the first sync', after: (scene) => visits(scene, { invitees: ['bob', GINA] }), left: { crm: 1, alice: 1, bob: 1 } },
  { name: 'an event of the CRM made while the database is lost', meanwhile: (scene) => visits(scene, { invitees: ['bob', GINA] }), left: {}, end: { crm: 1, alice: 1, bob: 1 } },
  {
    name: 'an event of the CRM is renamed there and moved, and the answers stay',
    before: async (scene) => { await visits(scene, { invitees: ['bob', GINA] }); await answersInCrm(scene, 'bob', 'yes') },
    after: (scene) => editsRecord(scene, { subject: named(scene, 'Call'), location: 'Hall', description: 'Bring the plans' }),
    left: { crm: 1, alice: 1, bob: 1 },
    check: async (scene) => expect(await inviteesOf(scene)).toEqual(['bob 2', 'gina 0']),
  },
  {
    name: 'an event of the CRM is moved by alice in Outlook: nobody is invited anew, and the answers stay',
    before: async (scene) => { await visits(scene, { invitees: ['bob', GINA] }); await answersInCrm(scene, 'bob', 'yes') },
    after: (scene) => edits(scene, 'alice', { ...later(scene, 4), Subject: named(scene, 'Call'), Location: 'Hall' }),
    left: { crm: 1, alice: 1, bob: 1 },
    check: async (scene) => {
      expect(await recordOf(scene)).toMatchObject({ location: 'Hall' })
      expect(await inviteesOf(scene)).toEqual(['bob 2', 'gina 0'])
    },
  },
  {
    name: 'an event of the CRM invites carol too',
    before: (scene) => visits(scene, { invitees: ['bob'] }),
    after: (scene) => editsRecord(scene, { invitees: invited(['bob', 'carol', GINA]) }),
    left: { crm: 1, alice: 1, bob: 1, carol: 1 },
  },
  {
    name: 'an event of the CRM no longer invites bob',
    before: (scene) => visits(scene, { invitees: ['bob', 'carol'] }),
    after: (scene) => editsRecord(scene, { invitees: invited(['carol']) }),
    left: { crm: 1, alice: 1, carol: 1 },
  },
  { name: 'an event of the CRM with everybody is deleted there', before: (scene) => visits(scene, { invitees: ['bob', GINA] }), after: (scene) => removesRecord(scene), left: {} },
  { name: 'alice deletes an event that invites bob in Outlook, for everybody', before: (scene) => visits(scene, { invitees: ['bob', GINA] }), after: (scene) => deletes(scene, 'alice'), left: {} },
  { name: 'alice deletes an event that invites a contact in Outlook', before: (scene) => visits(scene, { invitees: [GINA] }), after: (scene) => deletes(scene, 'alice'), left: {} },
  { name: 'bob throws his copy of an event of the CRM away', before: (scene) => visits(scene, { invitees: ['bob', GINA] }), after: (scene) => deletes(scene, 'bob'), left: { crm: 1, alice: 1 }, end: { crm: 1, alice: 1, bob: 1 } },
  {
    name: 'bob changes his copy of an event of the CRM, for himself',
    before: (scene) => visits(scene, { invitees: ['bob'] }),
    after: (scene) => edits(scene, 'bob', { Subject: named(scene, 'Mine'), ...later(scene, 4) }),
    left: { crm: 1, alice: 1, bob: 1 },
    check: async (scene) => expect(await recordOf(scene)).toMatchObject({ subject: named(scene, 'Visit') }),
  },
  {
    name: 'an event that invites bob is given from alice to carol',
    before: (scene) => visits(scene, { invitees: ['bob', GINA] }),
    after: (scene) => editsRecord(scene, { assigned_user_id: scene.ids['carol'] }),
    left: { crm: 1, bob: 1, carol: 1 },
  },
  {
    name: 'an event that invites bob is given to bob, and alice is asked to it',
    before: (scene) => visits(scene, { invitees: ['bob'] }),
    after: (scene) => editsRecord(scene, { assigned_user_id: scene.ids['bob'], invitees: invited(['alice']) }),
    left: { crm: 1, alice: 1, bob: 1 },
  },
  {
    name: 'an event that invites bob is given to the group',
    before: (scene) => visits(scene, { invitees: ['bob', 'carol'] }),
    after: (scene) => editsRecord(scene, { assigned_user_id: scene.ids['Sales'] }),
    left: { crm: 1, alice: 1, bob: 1, carol: 1 },
  },
  {
    name: 'bob accepts an event of the CRM there',
    before: (scene) => visits(scene, { invitees: ['bob', GINA] }),
    after: (scene) => answersInCrm(scene, 'bob', 'yes'),
    left: { crm: 1, alice: 1, bob: 1 },
  },
  {
    name: 'alice makes an event of the CRM a real meeting in Outlook',
    before: (scene) => visits(scene),
    after: (scene) => edits(scene, 'alice', { RequiredAttendees: ['bob@example.test', GUEST, GINA], send: true }),
    again: (scene) => editsRecord(scene, { location: 'Hall' }),
    left: { crm: 1, alice: 1, bob: 1 },
  },
  {
    name: 'an event of Outlook gets people in the CRM',
    before: (scene) => meets(scene, 'alice'),
    after: (scene) => editsRecord(scene, { invitees: invited(['bob', GINA]) }),
    left: { crm: 1, alice: 1, bob: 1 },
    check: async (scene) => expect((await itemOf(scene, 'alice')).fields['RequiredAttendees']).toBeUndefined(),
  },
  {
    name: 'an event with people on both sides is changed while the database is lost',
    before: (scene) => visits(scene, { invitees: ['bob', GINA] }),
    meanwhile: async (scene) => { await edits(scene, 'alice', { Location: 'Attic' }); await editsRecord(scene, { invitees: invited(['carol', GINA]) }) },
    // Who was invited before keeps a copy: nobody remembers that it came from here.
    left: { crm: 1, alice: 1, bob: 1 }, end: { crm: 1, alice: 1, bob: 1, carol: 1 },
  },
  { name: 'a task of a group, completed by one member', before: (scene) => task(scene, { assigned_user_id: scene.ids['Sales'] }), after: (scene) => edits(scene, 'bob', { Status: 'Completed' }, 'tasks'), left: {} },
  { name: 'a task that changes hands', before: (scene) => task(scene), after: async (scene) => {
    const [record] = await recordsOf(scene, 'Calendar')
    await scene.simulators.editRecord('admin', record?.['id'] ?? '', { assigned_user_id: scene.ids['carol'] })
  }, left: {} },
  {
    name: 'a contact with an address that somebody invites',
    before: (scene) => scene.simulators.putRecord('admin', 'Contacts', { lastname: named(scene, 'Weber'), email: `c${scene.tag.slice(1)}@ext.test`, assigned_user_id: scene.ids['alice'] }),
    left: {},
  },
]
