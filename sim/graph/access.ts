import type { Principal } from '../entra/index.ts'
import { badRequest, denied, GraphError, notFound } from './errors.ts'
import type { Folder, Mailbox } from './model.ts'

/** What a route needs: the area of permissions and whether it writes. */
export interface Need {
  area: 'Calendars' | 'Contacts' | 'Tasks' | 'MailboxSettings' | 'User' | 'none'
  write: boolean
}

const READING_ROLES = ['read', 'write', 'delegateWithoutPrivateEventAccess', 'delegateWithPrivateEventAccess']
const WRITING_ROLES = READING_ROLES.slice(1)

/**
 * Refuses what the token does not allow.
 * Documentation: https://learn.microsoft.com/graph/permissions-reference
 * @param scope mailboxes an application is confined to by Exchange; null is none
 */
export function checkAccess(who: Principal, mailbox: Mailbox, folder: Folder | null, need: Need, scope: Set<string> | null): void {
  if (need.area === 'none') return
  if (who.kind === 'application') {
    // Tasks and users are the directory's, whose application permissions end in .All.
    const suffix = need.area === 'Tasks' || need.area === 'User' ? '.All' : ''
    if (!has(who, need, suffix)) throw denied()
    if (scope && !scope.has(mailbox.address.toLowerCase()) && need.area !== 'User')
      throw new GraphError(403, 'ErrorAccessDenied', 'Access to OData is disabled: [RAOP] : Blocked by tenant configured AppOnly AccessPolicy settings.')
    return
  }
  if (who.userId === mailbox.id) {
    if (!has(who, need, '')) throw denied()
  } else checkShared(who, mailbox, folder, need)
}

/** Somebody else's mailbox: only a calendar its owner shares, and only with a permission for shared ones. */
function checkShared(who: Principal, mailbox: Mailbox, folder: Folder | null, need: Need): void {
  if (need.area === 'User' && has(who, need, '.All')) return
  if (need.area !== 'Calendars' || !has(who, need, '.Shared')) throw denied()
  const roles = need.write ? WRITING_ROLES : READING_ROLES
  const shares = (one: Folder) => one.permissions.some(({ id, role }) => id.endsWith(who.userId ?? '-') && roles.includes(role))
  const calendars = folder ? [folder] : [...(mailbox.folders?.values() ?? [])].filter(({ wellKnown }) => wellKnown === 'calendar')
  if (!calendars.some(shares)) throw notFound()
}

function has({ rights }: Principal, { area, write }: Need, suffix: string): boolean {
  if (rights.includes(`${area}.ReadWrite${suffix}`)) return true
  if (write) return false
  return rights.includes(`${area}.Read${suffix}`) || (suffix === '' && rights.includes(`${area}.ReadBasic`))
}

/** `/me` is the signed-in user; an application is nobody in particular. */
export function refuseMe(): GraphError {
  return badRequest('/me request is only valid with delegated authentication flow.')
}
