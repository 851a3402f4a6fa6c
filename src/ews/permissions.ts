/**
 * Who sees what of a calendar. An update replaces the whole permission set, so every change reads it first, changes one
 * entry, and is written only over the version that was read: a colleague who uses Outlook meanwhile is never overrun.
 */
import { SyncError } from '../lib/errors.ts'
import type { Sharing, SharingEntry, SharingLevel, SharingOutcome } from '../ports.ts'
import { verdictOf } from './errors.ts'
import { getFolderPermissions } from './operations/get-folder-permissions.ts'
import type { CalendarPermission, PermissionSet } from './operations/get-folder-permissions.ts'
import { ownerOfAddress, resolvePerson } from './operations/resolve-person.ts'
import { updateFolder } from './operations/update-folder.ts'
import type { Session } from './session.ts'

const ROLES: Readonly<Record<SharingLevel, string>> = { availability: 'FreeBusyTimeOnly', details: 'FreeBusyTimeAndSubjectAndLocation' }
const RANK: readonly SharingEntry['level'][] = ['none', 'availability', 'details', 'more']
/** Somebody changed the set between our reading and our writing. */
const ATTEMPTS = 4

/** What to do with a colleague's present entry: a new role, null for no entry at all, or how it ends without a write. */
type Decide = (before: SharingEntry | null) => { readonly role: string | null } | Exclude<SharingOutcome['type'], 'written'>

export function createSharing(session: Session): Sharing {
  const calendar = { distinguished: 'calendar' }

  async function read(): Promise<PermissionSet> {
    const [result] = await session.batch(getFolderPermissions, calendar, 1)
    if (result?.ok === true) return result.value
    throw session.error(getFolderPermissions, result?.failure ?? { code: 'NoAnswer', text: '' })
  }

  /** The main address, as the permission set has it: under another one the colleague would get a second entry. */
  async function addressOf(colleague: string): Promise<string> {
    const { people, failure } = await session.call(resolvePerson, colleague)
    if (failure !== null) throw session.error(resolvePerson, failure)
    const address = ownerOfAddress(people, colleague)?.address
    if (address === undefined) {
      throw new SyncError('EWS_NO_MAILBOX', `The directory of Exchange knows nobody with the address ${colleague}. Correct it.`, { scope: 'item', remedy: 'ask-human' })
    }
    if (address === session.mailbox.address.toLowerCase()) {
      throw new SyncError('EWS_OWN_CALENDAR', `${address} owns this calendar; only colleagues can be given a permission on it.`, { scope: 'item', remedy: 'ask-human' })
    }
    return address
  }

  async function change(colleague: string, decide: Decide): Promise<SharingOutcome> {
    const address = await addressOf(colleague)
    for (let attempt = 1; ; attempt += 1) {
      const set = await read()
      const own = set.permissions.find((one) => addressIn(one) === address)
      const before = own === undefined ? null : entryOf(own)
      const wanted = decide(before)
      if (typeof wanted === 'string') return { type: wanted, before, entries: entriesOf(set) }
      const [result] = await session.batch(updateFolder, { folder: set.folder, permissions: withRole(set.permissions, address, wanted.role) }, 1)
      // The server has the last word on what came of it.
      if (result?.ok === true) return { type: 'written', before, entries: entriesOf(await read()) }
      const failure = result?.failure ?? { code: 'NoAnswer', text: '' }
      if (verdictOf(failure) !== 'stale' || attempt === ATTEMPTS) throw session.error(updateFolder, failure)
    }
  }

  return {
    list: async () => entriesOf(await read()),
    give: (colleague, level, force) => change(colleague, (before) => {
      const step = RANK.indexOf(before?.level ?? 'none') - RANK.indexOf(level)
      if (before !== null && step === 0) return 'unchanged'
      return step > 0 && !force ? 'refused' : { role: ROLES[level] }
    }),
    remove: (colleague, force) => change(colleague, (before) => {
      if (before === null) return 'unchanged'
      if (force) return { role: null }
      // Without the entry that shuts them out, they would have what everybody has.
      if (before.level === 'none') return 'unchanged'
      return before.level === 'more' ? 'refused' : { role: null }
    }),
  }
}

function withRole(permissions: readonly CalendarPermission[], address: string, role: string | null): readonly CalendarPermission[] {
  const others = permissions.filter((one) => addressIn(one) !== address)
  if (role === null) return others
  const user = permissions.find((one) => addressIn(one) === address)?.user ?? [{ name: 'PrimarySmtpAddress', text: address }]
  const changed = { user, level: role, rights: [] }
  if (others.length === permissions.length) return [...permissions, changed]
  return permissions.map((one) => (addressIn(one) === address ? changed : one))
}

const textOf = ({ user }: CalendarPermission, name: string) => user.find((one) => one.name === name)?.text.trim() ?? ''
const addressIn = (permission: CalendarPermission) => textOf(permission, 'PrimarySmtpAddress').toLowerCase()

function entriesOf({ permissions, unknown }: PermissionSet): readonly SharingEntry[] {
  return [...permissions.map(entryOf), ...unknown.map((name): SharingEntry => ({ type: 'unknown', address: '', name, level: 'more', role: '' }))]
}

function entryOf(permission: CalendarPermission): SharingEntry {
  const everybody = textOf(permission, 'DistinguishedUser')
  return {
    type: everybody === '' ? 'user' : everybody === 'Default' ? 'default' : 'anonymous',
    address: addressIn(permission), name: textOf(permission, 'DisplayName'), level: levelOf(permission.level), role: permission.level,
  }
}

function levelOf(role: string): SharingEntry['level'] {
  if (role === 'None') return 'none'
  if (role === ROLES.availability) return 'availability'
  return role === ROLES.details ? 'details' : 'more'
}
