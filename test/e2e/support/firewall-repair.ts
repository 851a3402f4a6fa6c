import { expect } from 'vitest'
import { bossInvites, GINA, GUEST, meets, repeating, visits, visitsWeekly } from './firewall-scene.ts'
import type { Scenario, Stage } from './firewall-stage.ts'
import { addressOf } from './simulators.ts'

/** Servers that lose things, one after the other; `held` waits for a human, who restores everything. */
export const REPAIRS: NonNullable<Stage['repairs']> = [
  async ({ control }) => {
    await control('ews/snapshot', { name: 'backup' })
    await control('ews/invalidateSyncStates')
    await control('ews/killSubscriptions')
  },
  async ({ control }) => {
    await control('ews/resetMailbox', { address: addressOf('alice') })
    await control('ews/moveMailbox', { address: addressOf('bob') })
  },
  ({ control }) => control('ews/restore', { name: 'backup' }),
  async ({ control }) => {
    await control('ews/emptyMailbox', { address: addressOf('carol'), silent: true })
    await control('ews/invalidateSyncStates', { address: addressOf('carol') })
  },
  async (_, office) => {
    const { held } = (await office.run('held', '--json')).json
    expect(held.length).toBeGreaterThan(2)
    await office.run('held', '--decide', 'all', '--as', 'restore')
  },
]

/** Somebody removes every record of the CRM, and somebody else has them restored. */
export const RESTORATION: NonNullable<Stage['repairs']> = [
  async ({ control, records }) => {
    for (const { id } of await records('Events')) await control('vtenext/remove', { id })
  },
  (_, office) => office.run('held', '--decide', 'all', '--as', 'restore'),
]

export const REPAIRED: readonly Scenario[] = [
  { name: 'a meeting of alice with everybody', before: (scene) => meets(scene, 'alice', { to: ['bob', GINA, GUEST] }), left: { crm: 1, alice: 1, bob: 1 } },
  { name: 'a past meeting of alice', before: (scene) => meets(scene, 'alice', { days: -5, to: ['bob', GINA, GUEST] }), left: { crm: 1, alice: 1, bob: 1 } },
  { name: 'a meeting of carol with everybody', before: (scene) => meets(scene, 'carol', { to: ['bob', GINA, GUEST] }), left: { crm: 1, bob: 1, carol: 1 } },
  { name: 'a meeting of carol with strangers', before: (scene) => meets(scene, 'carol', { to: [GUEST] }), left: { crm: 1, carol: 1 } },
  { name: 'an invitation from outside to carol', before: (scene) => bossInvites(scene, { to: ['carol', GINA] }), left: { crm: 1, carol: 1 } },
  { name: 'an invitation from outside to alice', before: (scene) => bossInvites(scene, { to: ['alice', GUEST] }), left: { crm: 1, alice: 1 } },
  { name: 'a meeting series of alice with bob', before: (scene) => meets(scene, 'alice', { to: ['bob', GUEST], fields: repeating(scene, 'weekly', 3) }), left: { crm: 3, alice: 1, bob: 1 } },
  { name: 'a series of the CRM that invites bob', before: (scene) => visitsWeekly(scene, 3, { invitees: ['bob', GINA] }), left: { crm: 3, alice: 1, bob: 3 } },
  { name: 'an event of the CRM that invites bob and a contact', before: (scene) => visits(scene, { invitees: ['bob', GINA] }), left: { crm: 1, alice: 1, bob: 1 } },
  { name: 'an event of carol in the CRM that invites alice and a contact', before: (scene) => visits(scene, { owner: 'carol', invitees: ['alice', GINA] }), left: { crm: 1, alice: 1, carol: 1 } },
  { name: 'an event of the group that invites carol', before: (scene) => visits(scene, { owner: 'Sales', invitees: ['carol', GINA] }), left: { crm: 1, alice: 1, bob: 1, carol: 1 } },
]

export const RESTORED: readonly Scenario[] = REPAIRED.map((scenario) => ({ ...scenario, name: `${scenario.name}, removed and restored` }))

const ginaOnce = [`CRM invitation to ${GINA}`]

/** With `meetings: exchange` and `inviteContacts`: whoever was invited once is not invited by what is lost and found. */
export const INVITED: readonly Scenario[] = [
  { name: 'a meeting of alice with a contact', before: (scene) => meets(scene, 'alice', { to: [GINA] }), mails: { 'first sync': ginaOnce }, left: { crm: 1, alice: 1 } },
  { name: 'a meeting of carol with bob and a contact', before: (scene) => meets(scene, 'carol', { to: ['bob', GINA] }), mails: { 'first sync': ginaOnce }, left: { crm: 1, bob: 1, carol: 1 } },
  { name: 'an invitation from outside to carol and a contact', before: (scene) => bossInvites(scene, { to: ['carol', GINA] }), mails: { 'first sync': ginaOnce }, left: { crm: 1, carol: 1 } },
  { name: 'an event of the CRM that was there before', before: (scene) => visits(scene, { invitees: ['bob', GINA] }), left: { crm: 1, alice: 1 } },
  {
    name: 'a new event of carol in the CRM',
    after: (scene) => visits(scene, { owner: 'carol', invitees: ['admin', GINA] }),
    mails: { 'after edits': ['invitation to admin@example.test', `invitation to ${GINA}`] },
    left: { crm: 1, carol: 1 },
  },
]

export const INVITED_RESTORED: readonly Scenario[] = INVITED.map((scenario) => ({ ...scenario, name: `${scenario.name}, removed and restored` }))
