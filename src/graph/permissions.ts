/** Who sees what of a calendar in Microsoft 365. Every entry is written by itself: nobody else's can be overrun. */
import { SyncError } from '../lib/errors.ts'
import type { Sharing, SharingEntry, SharingLevel, SharingOutcome } from '../ports.ts'
import { verdictOf } from './errors.ts'
import type { Resource } from './resources.ts'
import { query, segment } from './session.ts'
import type { Session } from './session.ts'

const ROLES: Readonly<Record<SharingLevel, string>> = { availability: 'freeBusyRead', details: 'limitedRead' }
const RANK: readonly SharingEntry['level'][] = ['none', 'availability', 'details', 'more']

/** https://learn.microsoft.com/graph/api/resources/calendarpermission */
interface Permission extends Resource {
  readonly role?: string
  readonly isInsideOrganization?: boolean
  readonly emailAddress?: { readonly name?: string; readonly address?: string }
}

/** What to do with a colleague's present entry: a new role, null for no entry at all, or how it ends without a write. */
type Decide = (before: SharingEntry | null) => { readonly role: string | null } | Exclude<SharingOutcome['type'], 'written'>

export function createSharing(session: Session): Sharing {
  const path = `${session.root}/calendar/calendarPermissions`

  /** https://learn.microsoft.com/graph/api/calendar-list-calendarpermissions */
  const read = () => session.list<Permission>(path)
  const list = async () => (await read()).map(entryOf)

  /** The main address, as the entries have it. Where the directory may not be asked, the address as it was given. */
  async function addressOf(colleague: string): Promise<string> {
    const answer = await session.send({ method: 'GET', path: `/users/${segment(colleague)}?${query({ $select: 'mail,userPrincipalName' })}` })
    const { mail, userPrincipalName } = (verdictOf(answer) === 'ok' ? answer.body : {}) as { mail?: string | null; userPrincipalName?: string }
    const address = (mail ?? userPrincipalName ?? colleague).toLowerCase()
    if (address === session.mailbox.address.toLowerCase()) {
      throw new SyncError('GRAPH_OWN_CALENDAR', `${address} owns this calendar; only colleagues can be given a permission on it.`, { scope: 'item', remedy: 'ask-human' })
    }
    return address
  }

  async function change(colleague: string, decide: Decide): Promise<SharingOutcome> {
    const address = await addressOf(colleague)
    const present = await read()
    const own = present.find((one) => addressIn(one) === address)
    const before = own === undefined ? null : entryOf(own)
    const wanted = decide(before)
    if (typeof wanted === 'string') return { type: wanted, before, entries: present.map(entryOf) }
    await write(address, own, wanted.role)
    // The server has the last word on what came of it.
    return { type: 'written', before, entries: await list() }
  }

  async function write(address: string, own: Permission | undefined, role: string | null): Promise<void> {
    const place = `${path}/${segment(own?.id ?? '')}`
    const request = own === undefined
      // https://learn.microsoft.com/graph/api/calendar-post-calendarpermissions
      ? { method: 'POST' as const, path, body: { emailAddress: { address }, isInsideOrganization: true, isRemovable: true, role } }
      : role === null
        // https://learn.microsoft.com/graph/api/calendarpermission-delete
        ? { method: 'DELETE' as const, path: place }
        // https://learn.microsoft.com/graph/api/calendarpermission-update
        : { method: 'PATCH' as const, path: place, body: { role } }
    const answer = await session.send(request)
    const verdict = verdictOf(answer)
    // Somebody took the entry away meanwhile: that was wanted.
    if (verdict === 'ok' || (verdict === 'gone' && role === null)) return
    if (own === undefined && answer.status === 400) {
      throw new SyncError('GRAPH_NO_COLLEAGUE', `Microsoft 365 knows nobody with the address ${address} to whom the calendar could be shared. Correct it.`, { scope: 'item', remedy: 'ask-human' })
    }
    throw session.error(answer, request)
  }

  return {
    list,
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

const addressIn = ({ emailAddress }: Permission) => emailAddress?.address?.toLowerCase() ?? ''

/** Everybody inside has an entry without address; a calendar that is published has another one for everybody outside. */
function entryOf(permission: Permission): SharingEntry {
  const { role = '', emailAddress, isInsideOrganization } = permission
  const address = addressIn(permission)
  return { type: address !== '' ? 'user' : isInsideOrganization === false ? 'anonymous' : 'default', address, name: emailAddress?.name ?? '', level: levelOf(role), role }
}

function levelOf(role: string): SharingEntry['level'] {
  if (role === 'none') return 'none'
  if (role === ROLES.availability) return 'availability'
  return role === ROLES.details ? 'details' : 'more'
}
