import { fieldsOf, itemOf } from '../src/model/index.ts'
import type { Item, ItemId, ItemKind, Token } from '../src/model/index.ts'
import type { CreateRequest, Found, Located, RemoveOutcome, RemoveRequest, UpdateRequest, WriteOutcome } from '../src/ports.ts'
import { SyncError } from '../src/lib/errors.ts'
import { MemoryMailbox } from './memory-mailbox.ts'
import type { MailboxRow } from './memory-mailbox.ts'

/** Their change is mailed to the guests of a meeting, whatever one asks for. */
const TOLD: readonly string[] = ['subject', 'body', 'time', 'place', 'sensitivity', 'importance']

/**
 * A mailbox of Microsoft 365 in memory. Ids of events and contacts survive moves; what lies elsewhere or in Deleted Items is
 * gone for whoever reads it; a create that is repeated answers with what it made; tasks have no sensitivity; what would
 * mail the guests of a meeting is refused without leave.
 */
export class MemoryCloudMailbox extends MemoryMailbox {
  override move(id: ItemId, folder: MailboxRow['folder']): ItemId {
    const row = this.row(id)
    // A task gets another id with every list it is put into.
    if (row.kind === 'task') return super.move(id, folder)
    if (row.folder === 'synced' && folder !== 'synced') this.erase(id)
    const { world } = this
    this.rows.set(id, { ...row, folder, version: world.next(), seq: world.next() })
    if (folder === 'synced') this.gone.delete(id)
    return id
  }

  override hold(item: Item): Item {
    const held = super.hold(item)
    if (item.kind !== 'task') return held
    const { sensitivity: _none, ...fields } = fieldsOf(held)
    return itemOf('task', fields)
  }

  override async get(kind: ItemKind, ids: readonly ItemId[]): Promise<readonly Found[]> {
    const found = await super.get(kind, ids)
    return found.map((one, at) => (this.rows.get(ids[at] as ItemId)?.folder === 'synced' ? one : { type: 'gone' }))
  }

  override async create(requests: readonly CreateRequest[]): Promise<readonly WriteOutcome[]> {
    const outcomes: WriteOutcome[] = []
    for (const request of requests) {
      const known = request.item.kind === 'event' ? this.synced().find(({ stamp }) => stamp?.token === request.token && request.stamp !== undefined) : undefined
      if (known !== undefined) outcomes.push({ type: 'done', snapshot: this.snapshot(known) })
      else outcomes.push(...(await super.create([request])))
    }
    return outcomes
  }

  override async update(requests: readonly UpdateRequest[]): Promise<readonly WriteOutcome[]> {
    const outcomes: WriteOutcome[] = []
    for (const request of requests) {
      const tells = request.mailing === undefined && Object.keys(request.fields).some((name) => TOLD.includes(name))
      if (this.rows.get(request.id)?.folder !== 'synced') outcomes.push({ type: 'gone' })
      else if (tells && this.isOwnMeeting(request.id)) outcomes.push({ type: 'failed', error: wouldMail(request.id) })
      else outcomes.push(...(await super.update([request])))
    }
    return outcomes
  }

  override async remove(requests: readonly RemoveRequest[]): Promise<readonly RemoveOutcome[]> {
    const outcomes: RemoveOutcome[] = []
    for (const request of requests) {
      if (this.rows.get(request.id)?.folder !== 'synced') outcomes.push({ type: 'gone' })
      else if (request.mailing === undefined && this.isOwnMeeting(request.id)) outcomes.push({ type: 'failed', error: wouldMail(request.id) })
      else outcomes.push(...(await super.remove([request])))
    }
    return outcomes
  }

  /** Deleted Items are not shown. */
  override async locate(kind: ItemKind, token: Token, uid: string | null): Promise<Located> {
    const found = await super.locate(kind, token, uid)
    return found.where === 'deleted-items' ? { where: 'nowhere' } : found
  }

  private isOwnMeeting(id: ItemId): boolean {
    const { traits } = this.row(id)
    return traits?.hasAttendees === true && traits.invited !== true
  }
}

const wouldMail = (id: ItemId) =>
  new SyncError('GRAPH_WOULD_MAIL', `Changing ${id} would mail its guests.`, { scope: 'item', remedy: 'leave' })

