import { contentHash } from '../lib/content-hash.ts'
import { splitUid } from '../model/index.ts'
import type { Copy, Fields, Snapshot, Stamp, Traits } from '../model/index.ts'

/** What the stamp of an item that we make from a record says of its origin; it outlives our database. */
export const bornWith = (uid: string | null | undefined): string => contentHash(uid == null ? '' : splitUid(uid).uid).slice(0, 8)

/** Whether the item began in the CRM. A pasted copy carries the stamp along, but has a UID of its own. */
export const isBorn = (stamp: Stamp | undefined, { uid }: Pick<Snapshot, 'uid'>): boolean => stamp?.born !== undefined && stamp.born === bornWith(uid)

/**
 * What an item shows now, and what is known of it since it began: that its words are the CRM's, and the UID that Exchange
 * gave it, by which it is known again in another house.
 */
export function traitsSince({ traits }: Copy, { uid, traits: shown }: Pick<Snapshot, 'uid' | 'traits'>): Traits {
  const { invitationUid } = traits
  return { ...shown, ...(traits.fromCrm === true ? { fromCrm: true } : {}), ...(invitationUid !== undefined && invitationUid === uid ? { invitationUid } : {}) }
}

/** Made private in the CRM: from then on its words are no secret to those who see the record. */
export const isMadePrivate = ({ sensitivity }: Fields): boolean => sensitivity === 'private' || sensitivity === 'confidential'
