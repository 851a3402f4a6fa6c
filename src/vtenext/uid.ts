import { occurrenceUid } from '../model/index.ts'
import type { RawRecord } from './record.ts'

/** Length of the column `ical_uuid`; longer ones are cut on both ways alike. */
const UID_LENGTH = 127
/** @param uid without an occurrence's number */
export const heldUid = (uid: string): string => uid.slice(0, UID_LENGTH)

/** The UID of an event record: a series is one record per date, all with one `ical_uuid`. '' where there is none. */
export function uidOf(raw: RawRecord): string {
  const uid = raw.ical_uuid ?? ''
  const slot = Number(raw.recurr_idx ?? 0)
  return uid === '' || !(slot > 0) ? uid : occurrenceUid(uid, slot)
}
