import { itemId, splitUid, type Snapshot } from '../model/index.ts'
import { readFull } from './full.ts'
import { getRecords, type ReadOptions } from './read.ts'
import { toSnapshot, type RawRecord } from './record.ts'
import { MODULES } from './schema.ts'
import { heldUid } from './uid.ts'
import { ask, quoted, writable } from './vtql.ts'

const LIMIT = 1_000

/**
 * All records with one UID, in the order of their numbers; deleted ones are not among them, and neither are those that
 * cannot be read.
 */
export async function readSet(options: ReadOptions, uid: string): Promise<readonly Snapshot[]> {
  const { sessions, installation } = options
  await installation.need('event')
  const server = await installation.zone()
  const rows = await listed(options, heldUid(splitUid(uid).uid))
  // The browser makes a series within seconds, so a few calls of the change feed give all of it with its invitees.
  const full = await readFull(sessions, rows, server)
  const missing = rows.filter(({ id }) => !full.has(id))
  const others = await getRecords(options, 'event', missing.map(({ id }) => itemId(id)))
  const reading = await installation.reading('event', [...full.values()].map(({ raw }) => raw))
  const found = new Map<string, Snapshot>()
  for (const other of others) {
    if (other.type === 'failed' && other.error.scope !== 'item') throw other.error
    if (other.type === 'seen') found.set(other.snapshot.id, other.snapshot)
  }
  for (const { raw, invitees } of full.values()) {
    installation.uninvited.note(raw, invitees)
    try {
      found.set(raw.id, toSnapshot('event', raw, reading, invitees))
    } catch {
      // One date that cannot be: the feed reports it as broken, the others are told all the same.
    }
  }
  return rows.flatMap(({ id }) => found.get(id) ?? [])
}

async function listed({ sessions }: ReadOptions, uid: string): Promise<readonly RawRecord[]> {
  if (!writable(uid)) return []
  const rows: RawRecord[] = []
  for (;;) {
    const page = await ask(
      sessions,
      `select id,recurr_idx,modifiedtime from ${MODULES.event} where ical_uuid=${quoted(uid)}` +
        ` order by recurr_idx,id limit ${rows.length},${LIMIT};`,
    )
    rows.push(...page)
    if (page.length < LIMIT) return rows
  }
}
