import { hash } from 'node:crypto'
import type { Answer } from '../model/index.ts'
import type { RawRecord } from './record.ts'

/** Somebody vtenext itself has on an event: a CRM user or a contact. It knows no tentative answer and no roles. */
export interface Invitee {
  /** `19x5` or `4x24`. */
  readonly id: string
  readonly user: boolean
  /** Lower case; '' where the user or contact has no e-mail address. */
  readonly address: string
  readonly name: string
  readonly answer: Exclude<Answer, 'tentative'>
}

/** As `create` and `revise` take it; the server's own spelling. 0 no answer, 1 no, 2 yes. */
export interface InviteeEntry {
  readonly email: string
  readonly partecipation: number
}

const ANSWERS: readonly Invitee['answer'][] = ['none', 'declined', 'accepted']

/** Tentative is no answer to vtenext. */
export const partecipationOf = (answer: Answer): number => (answer === 'tentative' ? 0 : ANSWERS.indexOf(answer))

/** @param record an event of the change feed, the only call that lists invitees */
export function inviteesOf(record: unknown): readonly Invitee[] {
  const listed = (record as { invitees?: unknown } | null)?.invitees
  if (!Array.isArray(listed)) return []
  return listed.flatMap((entry: Record<string, unknown> | null) => {
    if (entry === null || typeof entry !== 'object') return []
    const text = (name: string) => String(entry[name] ?? '').trim()
    return [{
      id: text('id'),
      user: text('type') === 'Users',
      address: (text('email1') || text('email2')).toLowerCase(),
      name: `${text('firstname')} ${text('lastname')}`.trim(),
      answer: ANSWERS[Number(entry.partecipation)] ?? 'none',
    }]
  })
}

/** Who is invited with which answer, as a short text; '' when nobody is. The order of the list means nothing. */
export function inviteesHash(invitees: readonly Invitee[]): string {
  if (invitees.length === 0) return ''
  const text = invitees.map(({ id, answer }) => `${id}=${answer}`).sort().join()
  return hash('sha1', text, 'base64url').slice(0, 8)
}

/**
 * Events that had no invitees when they were last read. Whoever adds one touches the modified time, so as long as that
 * stays nobody has to ask again: most events never cost a second call.
 */
export interface Uninvited {
  note(raw: RawRecord, invitees: readonly Invitee[]): void
  has(raw: RawRecord): boolean
}

const REMEMBERED = 50_000

export function createUninvited(): Uninvited {
  const times = new Map<string, string>()
  return {
    note(raw, invitees) {
      times.delete(raw.id)
      if (invitees.length > 0) return
      if (times.size >= REMEMBERED) for (const oldest of [...times.keys()].slice(0, REMEMBERED / 10)) times.delete(oldest)
      times.set(raw.id, raw.modifiedtime ?? '')
    },
    has: (raw) => times.get(raw.id) === raw.modifiedtime,
  }
}
