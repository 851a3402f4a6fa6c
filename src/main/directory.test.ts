import { describe, expect, it } from 'vitest'
import type { Config, UserConfig } from '../config.ts'
import { newTotals } from '../engine/index.ts'
import { assigneeId, CRM_LANE, mailboxId } from '../model/index.ts'
import type { CrmUser, Mailbox } from '../model/index.ts'
import type { Crm, LaneRow } from '../ports.ts'
import { mailboxIdOf, readDirectory } from './directory.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }
const user = (number: number, name: string, more: Partial<CrmUser> = {}): CrmUser =>
  ({ id: assigneeId(`19x${number}`), name, fullName: name, addresses: [`${name}@example.test`], active: true, admin: false, zone: 'Europe/Rome', ...more })
const entry = (crm: string, mailbox: string, more: Partial<UserConfig> = {}): UserConfig => ({ crm, mailbox, aliases: [], availabilityOnly: false, ...more })
const lane = (id: string, mailbox: Partial<Mailbox>): LaneRow =>
  ({ lane: mailboxId(id), mailbox: { id: mailboxId(id), connection: 'onprem', zone: 'UTC', ...mailbox } as Mailbox, state: 'ok', error: null, failures: 0, retryAt: null, lastRunAt: null })

async function read(users: readonly CrmUser[], entries: readonly UserConfig[], lanes: readonly LaneRow[] = []) {
  const totals = newTotals()
  const config = { users: entries, groups: [], exchange: [{ name: 'onprem', kind: 'ews' }] } as unknown as Config
  const crm = { users: () => Promise.resolve(users), groups: () => Promise.resolve([]) } as unknown as Crm
  const { mailboxes } = await readDirectory(config, crm, [{ ...lane('x', {}), lane: CRM_LANE, mailbox: null }, ...lanes], totals, log)
  return { mailboxes, errors: totals.errors.map(({ message }) => message) }
}

describe('a mailbox', () => {
  const known = lane('mb-1', { address: 'alice@example.test', user: 'alice', userId: assigneeId('19x5') })

  it('carries its aliases and what it shares', async () => {
    const { mailboxes } = await read([user(5, 'alice')], [entry('alice', 'Alice@example.test', { aliases: ['A.Rossi@example.test'], availabilityOnly: true })])
    expect(mailboxes).toEqual([{ id: mailboxIdOf('alice@example.test'), address: 'alice@example.test', aliases: ['a.rossi@example.test'], availabilityOnly: true, user: 'alice', userId: '19x5', connection: 'onprem', zone: 'Europe/Rome' }])
    expect(Object.keys((await read([user(5, 'alice')], [entry('alice', 'alice@example.test')])).mailboxes[0] ?? {})).not.toContain('aliases')
  })
  it('keeps its lane under another main address, as long as the old one is an alias', async () => {
    const renamed = entry('alice', 'a.rossi@example.test', { aliases: ['alice@example.test'] })
    expect((await read([user(5, 'alice')], [renamed], [known])).mailboxes.map(({ id, address }) => [id, address])).toEqual([['mb-1', 'a.rossi@example.test']])
    expect((await read([user(5, 'alice')], [{ ...renamed, aliases: [] }], [known])).mailboxes[0]?.id).toBe(mailboxIdOf('a.rossi@example.test'))
  })
  it('that gets a former address of another one does not get its lane', async () => {
    const before = mailboxIdOf('alice@example.test')
    const moved = lane(before, { address: 'a.rossi@example.test', user: 'alice', userId: assigneeId('19x5') })
    const { mailboxes } = await read([user(5, 'alice'), user(6, 'alice2')], [entry('alice', 'a.rossi@example.test'), entry('alice2', 'alice@example.test')], [moved])
    expect(mailboxes[0]?.id).toBe(before)
    expect(mailboxes[1]?.id).not.toBe(before)
  })
})

describe('a CRM user', () => {
  const known = lane('mb-1', { address: 'alice@example.test', user: 'alice', userId: assigneeId('19x5') })

  it('who is called something else is known by the id, under the name of the configuration', async () => {
    const { mailboxes, errors } = await read([user(5, 'alice.rossi')], [entry('alice', 'alice@example.test')], [known])
    expect([mailboxes.map(({ userId, user: name }) => [userId, name]), errors]).toEqual([[['19x5', 'alice']], []])
  })
  it('whom nobody knew before is reported, as is a name that is wrong', async () => {
    expect((await read([user(5, 'alice.rossi')], [entry('alice', 'alice@example.test')])).errors).toEqual([expect.stringContaining('alice is not synchronised: the CRM has no user of that name')])
    expect((await read([user(5, 'alice')], [entry('alcie', 'alice@example.test')], [known])).errors).toHaveLength(1)
  })
  it('who has the name now gets the mailbox, whoever had it before', async () => {
    expect((await read([user(5, 'alice2'), user(9, 'alice')], [entry('alice', 'alice@example.test')], [known])).mailboxes[0]?.userId).toBe('19x9')
  })
  it('who is inactive is left alone', async () => {
    const { mailboxes, errors } = await read([user(5, 'alice', { active: false })], [entry('alice', 'alice@example.test')], [known])
    expect([mailboxes, errors]).toEqual([[], [expect.stringContaining('that CRM user is inactive')]])
  })
})
