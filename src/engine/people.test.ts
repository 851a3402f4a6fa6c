import { describe, expect, it } from 'vitest'
import { assigneeId, mailboxId } from '../model/index.ts'
import type { CrmUser, Directory, Item, Mailbox } from '../model/index.ts'
import { canonical, invitedMailboxes } from './people.ts'

const user = (number: number, name: string, addresses: readonly string[], active = true): CrmUser =>
  ({ id: assigneeId(`19x${number}`), name, fullName: name, addresses, active, admin: false, zone: 'UTC' })
const mailbox = (number: number, address: string, aliases?: readonly string[]): Mailbox =>
  ({ id: mailboxId(`m${number}`), address, ...(aliases === undefined ? {} : { aliases }), user: '', userId: assigneeId(`19x${number}`), connection: 'onprem', zone: 'UTC' })
const directory = (users: readonly CrmUser[], mailboxes: readonly Mailbox[]): Directory => ({ users, groups: [], mailboxes })

describe('a person with several addresses', () => {
  const alice = directory([user(5, 'alice', ['alice@crm.example.test', 'alice2@crm.example.test'])], [mailbox(5, 'alice@example.test', ['a.rossi@example.test'])])

  it('is one, by every address of the CRM user, of the mailbox and of its aliases', () => {
    const names = canonical(alice)
    for (const address of ['alice@crm.example.test', 'alice2@crm.example.test', 'alice@example.test', 'a.rossi@example.test']) expect(names(address)).toBe('alice@crm.example.test')
    expect(names('bob@example.test')).toBe('bob@example.test')
  })
  it('is found in the own mailbox when invited under an alias', () => {
    const invited: Item = { kind: 'event', fields: { attendees: [{ address: 'a.rossi@example.test', name: '', role: 'required', answer: 'none' }] } }
    expect(invitedMailboxes(alice, invited)).toEqual(['m5'])
  })
})

describe('an address that two users claim', () => {
  it('is whose main one it is', () => {
    const users = [user(5, 'alice', ['alice@example.test']), user(1, 'admin', ['admin@example.test', 'alice@example.test'])]
    for (const order of [users, users.toReversed()]) expect(canonical(directory(order, []))('alice@example.test')).toBe('alice@example.test')
  })
  it('is the active one\'s', () => {
    const users = [user(5, 'alice', ['alice@example.test', 'sales@example.test']), user(4, 'carol', ['carol@example.test', 'sales@example.test'], false)]
    for (const order of [users, users.toReversed()]) expect(canonical(directory(order, []))('sales@example.test')).toBe('alice@example.test')
  })
  it('is the one\'s whose mailbox it is', () => {
    const users = [user(5, 'alice', ['alice@example.test']), user(6, 'bob', ['bob@example.test', 'sales@example.test'])]
    expect(canonical(directory(users, [mailbox(5, 'alice@example.test', ['sales@example.test'])]))('sales@example.test')).toBe('alice@example.test')
  })
})
