import { answersInCrm, BOSS, bossInvites, editsRecord, GINA, GUEST, meets, named, repeating, visits } from './firewall-scene.ts'
import type { Scenario } from './firewall-stage.ts'

/** By the running service, with the policies as they come. */
export const SERVED: readonly Scenario[] = [
  {
    name: 'alice renames a meeting in the CRM',
    before: (scene) => meets(scene, 'alice', { to: ['bob', GUEST] }),
    after: (scene) => editsRecord(scene, { subject: named(scene, 'Council') }),
    left: { crm: 1, alice: 1, bob: 1 },
  },
  {
    name: 'alice moves one date of a meeting series in the CRM',
    before: (scene) => meets(scene, 'alice', { to: ['bob', GUEST], fields: repeating(scene, 'weekly', 3) }),
    after: (scene) => editsRecord(scene, { time_start: '18:00', time_end: '19:00' }, 1),
    left: { crm: 3, alice: 1, bob: 1 },
  },
  {
    name: 'bob accepts an invitation from outside in the CRM',
    before: (scene) => bossInvites(scene, { to: ['alice', 'bob', GINA] }),
    after: (scene) => answersInCrm(scene, 'bob', 'yes'),
    left: { crm: 1, alice: 1, bob: 1 },
  },
  { name: 'an event of the CRM that invites bob was there before', before: (scene) => visits(scene, { invitees: ['bob', GINA] }), left: { crm: 1, alice: 1, bob: 1 } },
  { name: 'an event of the CRM that invites bob is new', after: (scene) => visits(scene, { invitees: ['bob', 'carol'] }), left: { crm: 1, alice: 1, bob: 1, carol: 1 } },
]

/** By the running service, with every policy that mails. */
export const SERVED_LOUD: readonly Scenario[] = [
  { name: 'an event of the CRM that invites bob was there before the service', before: (scene) => visits(scene, { invitees: ['bob', GINA] }), left: { crm: 1, alice: 1 } },
  {
    name: 'an event of the CRM that invites bob is new: each is invited once',
    after: (scene) => visits(scene, { invitees: ['bob', 'carol'] }),
    mails: { 'after edits': ['invitation to bob@example.test', 'invitation to carol@example.test'] },
    left: { crm: 1, alice: 1, bob: 1, carol: 1 },
  },
  {
    name: 'a new event of a group to which carol is asked, in both calendars at once: she is invited once',
    after: (scene) => visits(scene, { owner: 'Sales', invitees: ['carol'] }),
    mails: { 'after edits': ['invitation to carol@example.test'] },
    left: { crm: 1, alice: 1, bob: 1, carol: 1 },
  },
  {
    name: 'alice renames a meeting in the CRM: each is told once',
    before: (scene) => meets(scene, 'alice', { to: ['bob', GUEST] }),
    after: (scene) => editsRecord(scene, { subject: named(scene, 'Council') }),
    mails: { 'after edits': ['update to bob@example.test', `update to ${GUEST}`] },
    left: { crm: 1, alice: 1, bob: 1 },
  },
  {
    name: 'bob accepts an invitation from outside in the CRM: its organizer is told once',
    before: (scene) => bossInvites(scene, { to: ['bob', GUEST] }),
    after: (scene) => answersInCrm(scene, 'bob', 'yes'),
    mails: { 'after edits': [`Accept to ${BOSS}`] },
    left: { crm: 1, bob: 1 },
  },
]
