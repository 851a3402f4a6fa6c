import { createHash } from 'node:crypto'

import type { Call } from './call.ts'
import { renderContext, resolveFolder } from './call.ts'
import { ResponseError } from './errors.ts'
import { itemId, parseId } from './ids.ts'
import type { Folder, Item, Mailbox } from './model.ts'
import { attempt, success } from './soap.ts'
import { ItemShape } from './shape.ts'
import type { Store } from './store.ts'
import { child, childText } from './xml.ts'

/**
 * What a client knows: every change up to `base`, and while it pages through (base, upper] newest first, everything
 * above `cursor`.
 */
export interface SyncPosition {
  base: number
  upper: number
  cursor: number
}

type Change = { at: number; kind: 'Create' | 'Update'; item: Item } | { at: number; kind: 'Delete'; serial: number }

function signature(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 60)
}

export function writeState(mailbox: Mailbox, scope: string, position: SyncPosition): string {
  const plain = [mailbox.generation, scope, mailbox.epoch, position.base, position.upper, position.cursor].join('|')
  return Buffer.from(`H4sI|${plain}|${signature(plain)}`).toString('base64')
}

/** Reads a state back; throws ErrorInvalidSyncStateData for anything that is not valid here and now. */
export function readState(mailbox: Mailbox, scope: string, text: string | undefined): SyncPosition {
  if (text === undefined || text.trim() === '') return { base: 0, upper: 0, cursor: 0 }
  const parts = Buffer.from(text.trim(), 'base64').toString().split('|')
  const [, generation, ofScope, epoch, base, upper, cursor, signed] = parts
  const plain = parts.slice(1, -1).join('|')
  const position = { base: Number(base), upper: Number(upper), cursor: Number(cursor) }
  const valid =
    parts.length === 8 &&
    signed === signature(plain) &&
    Number(generation) === mailbox.generation &&
    ofScope === scope &&
    Number(epoch) === mailbox.epoch &&
    position.upper <= mailbox.seq &&
    !mailbox.undone.some(([from, to]) => position.upper >= from && position.upper <= to)
  if (!valid) throw new ResponseError('ErrorInvalidSyncStateData')
  return position
}

/**
 * The changes in a folder since a sync state, newest first; single items and recurring masters only.
 * Documentation: https://learn.microsoft.com/exchange/client-developer/web-service-reference/syncfolderitems-operation
 */
export function syncFolderItems(call: Call): string[] {
  return [
    attempt('SyncFolderItems', () => {
      const folder = resolveFolder(call, child(call.body, 'SyncFolderId')?.children[0], 'ErrorSyncFolderNotFound')
      const scope = `i${folder.serial}`
      const position = readState(call.mailbox, scope, childText(call.body, 'SyncState'))
      const wanted = Math.min(Number(childText(call.body, 'MaxChangesReturned') ?? 512), 512, call.forcePageSize)
      const { page, next, last } = nextPage(call.store, call.mailbox, folder, position, wanted)
      const ignored = new Set(
        child(call.body, 'Ignore')?.children.map((entry) => parseId(entry.attrs['Id'] ?? '')?.serial),
      )
      const shape = new ItemShape(child(call.body, 'ItemShape'), false)
      const context = renderContext(call)
      const changes = page
        .filter((change) => !ignored.has(change.kind === 'Delete' ? change.serial : change.item.serial))
        .map((change) =>
          change.kind === 'Delete'
            ? `<t:Delete><t:ItemId Id="${itemId(call.mailbox, change.serial)}"/></t:Delete>`
            : `<t:${change.kind}>${shape.render(change.item, context)}</t:${change.kind}>`,
        )
      return success(
        'SyncFolderItems',
        `<m:SyncState>${writeState(call.mailbox, scope, next)}</m:SyncState>` +
          `<m:IncludesLastItemInRange>${last}</m:IncludesLastItemInRange><m:Changes>${changes.join('')}</m:Changes>`,
      )
    }),
  ]
}

function nextPage(store: Store, mailbox: Mailbox, folder: Folder, position: SyncPosition, wanted: number) {
  const fresh = position.cursor <= position.base
  const range = fresh ? { base: position.base, upper: mailbox.seq, cursor: mailbox.seq } : position
  const changes = folder.contentSeq <= range.base ? [] : changesIn(store, folder, range)
  const page = changes.slice(0, wanted)
  const complete = page.length === changes.length
  const done = { base: range.upper, upper: range.upper, cursor: range.upper }
  const next = complete ? done : { ...range, cursor: (page[page.length - 1]?.at ?? 1) - 1 }
  return { page, next, last: complete && folder.contentSeq <= range.upper }
}

function changesIn(store: Store, folder: Folder, { base, cursor }: SyncPosition): Change[] {
  const changes: Change[] = []
  for (const item of store.itemsOf(folder).values()) {
    if (item.createdSeq > base) {
      // Its place is where it entered the folder, so an edit during paging cannot carry it past the cursor.
      if (item.createdSeq <= cursor) changes.push({ at: item.createdSeq, kind: 'Create', item })
    } else if (item.seq > base && item.seq <= cursor) changes.push({ at: item.seq, kind: 'Update', item })
  }
  for (const { serial, createdSeq, seq } of store.tombstonesOf(folder)) {
    if (createdSeq <= base && seq > base && seq <= cursor) changes.push({ at: seq, kind: 'Delete', serial })
  }
  return changes.sort((a, b) => b.at - a.at)
}
