import type { AssigneeId, MailboxId } from '../model/index.ts'
import { refused } from './errors.ts'
import type { Station } from './station.ts'

/** Who asks. */
export interface Viewer {
  readonly id: AssigneeId
  readonly name: string
  readonly fullName: string
  readonly admin: boolean
  /** IANA zone. */
  readonly zone: string
  /** May look, not change: a token for reading, or an administrator who sees as somebody else. */
  readonly readOnly: boolean
}

/** The mailbox of the viewer; null while none is connected. */
export function mailboxOf(station: Station, viewer: Pick<Viewer, 'id'>): MailboxId | null {
  return station.running()?.connector.directory().mailboxes.find((mailbox) => mailbox.userId === viewer.id)?.id ?? null
}

/**
 * Whose mailboxes a question is about: an administrator's about all, or the one he names; everybody else's about his own.
 * @returns undefined for all
 */
export function scopeOf(station: Station, viewer: Viewer, wanted?: string): readonly MailboxId[] | undefined {
  const mailboxes = station.running()?.connector.directory().mailboxes ?? []
  if (viewer.admin && wanted === undefined) return undefined
  const owner = viewer.admin ? wanted : viewer.id
  return mailboxes.filter((mailbox) => mailbox.userId === owner || (viewer.admin && mailbox.user === owner)).map(({ id }) => id)
}

export function mustBeAdmin(viewer: Viewer): void {
  if (!viewer.admin) throw refused(403, 'ADMINISTRATORS_ONLY', 'Only administrators of the CRM may do this.')
}
