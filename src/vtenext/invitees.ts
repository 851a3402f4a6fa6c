import { changesSince } from './changes.ts'
import { rawRecord, serverMoment, type RawRecord } from './record.ts'
import { MODULES } from './schema.ts'
import type { Sessions } from './session.ts'

/** As `revise` takes it; the server's own spelling. 0 no answer, 1 no, 2 yes. */
export interface Invitee {
  readonly email: string
  readonly partecipation: number
}

/**
 * The people invited to an event, with their answers. vtenext sets every answer back when a time changes and the
 * list is not sent along, and only the change feed shows the list.
 * @returns empty when nobody is invited, or when somebody has no e-mail address by which he could be invited again
 */
export async function readInvitees(sessions: Sessions, raw: RawRecord, server: string): Promise<readonly Invitee[]> {
  const second = Date.parse(serverMoment(raw.modifiedtime ?? '', server)) / 1_000
  const { records } = await changesSince(sessions, { module: MODULES.event, from: second, to: second, entries: 500 })
  const record = records.find((entry) => rawRecord(entry, 'vtesync.get_changes').id === raw.id)
  const listed = (record as { invitees?: unknown } | undefined)?.invitees
  if (!Array.isArray(listed)) return []
  const invitees = listed.map(
    (entry: Record<string, unknown>): Invitee => ({
      email: String(entry.email1 || entry.email2 || '').trim(),
      partecipation: Number(entry.partecipation) || 0,
    }),
  )
  return invitees.every(({ email }) => email !== '') ? invitees : []
}
