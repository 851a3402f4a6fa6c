import type { Call } from './call.ts'
import { inDeletedItems, resolveFolder, resolveItem, storedItem } from './call.ts'
import { ResponseError } from './errors.ts'
import { itemIdXml } from './ids.ts'
import { requireSendMode, sendCancellations } from './meetings.ts'
import type { Item, Mailbox } from './model.ts'
import { dropOccurrence } from './series.ts'
import { attempt, success } from './soap.ts'
import type { Store } from './store.ts'
import { skipTaskOccurrence } from './task-series.ts'
import type { XmlElement } from './xml.ts'
import { child } from './xml.ts'

export type DeleteType = 'HardDelete' | 'SoftDelete' | 'MoveToDeletedItems'

/**
 * Takes an item away in one of the three ways; returns where it is now, if anywhere. An occurrence is no item that
 * could lie in another folder: in any way its series just goes on without it.
 */
export function disposeItem(store: Store, mailbox: Mailbox, item: Item, type: DeleteType): Item | null {
  if (item.occurrence) {
    const master = storedItem(mailbox, item)
    dropOccurrence(master, item.occurrence.day)
    store.changed(mailbox, master, [`${item.occurrence.day}:Start`])
    return null
  }
  if (type === 'HardDelete') {
    store.remove(mailbox, item)
    return null
  }
  const target = store.distinguished(mailbox, type === 'SoftDelete' ? 'recoverableitemsdeletions' : 'deleteditems')
  if (!target) throw new ResponseError('ErrorFolderNotFound')
  return store.move(mailbox, item, target)
}

/**
 * Deletes items; the attributes that say who is told are mandatory for calendar items and tasks.
 * Documentation: https://learn.microsoft.com/exchange/client-developer/web-service-reference/deleteitem-operation
 */
export function deleteItem(call: Call): string[] {
  const type = call.body.attrs['DeleteType'] as DeleteType
  const ids = child(call.body, 'ItemIds')?.children ?? []
  return ids.map((reference) =>
    attempt('DeleteItem', () => {
      const item = resolveItem(call, reference)
      const gone = inDeletedItems(call, item)
      const mode =
        item.kind === 'CalendarItem'
          ? requireSendMode(call.body.attrs['SendMeetingCancellations'], 'ErrorSendMeetingCancellationsRequired')
          : 'SendToNone'
      if (item.kind === 'Task' && skipsOccurrence(call, item)) {
        call.store.writes.deleted += 1
        return success('DeleteItem')
      }
      // Deleting into Deleted Items what already lies there removes it for good.
      disposeItem(
        call.store,
        call.mailbox,
        item,
        type === 'MoveToDeletedItems' && gone ? 'SoftDelete' : type,
      )
      if (!gone) sendCancellations(call.store, call.mailbox, item, mode)
      call.store.writes.deleted += 1
      return success('DeleteItem')
    }),
  )
}

/** With SpecifiedOccurrenceOnly a recurring task loses its current occurrence and goes on with the next. */
function skipsOccurrence(call: Call, task: Item): boolean {
  const affected = call.body.attrs['AffectedTaskOccurrences']
  if (!affected) throw new ResponseError('ErrorAffectedTaskOccurrencesRequired')
  if (affected !== 'SpecifiedOccurrenceOnly' || !task.fields['Recurrence']) return false
  if (!skipTaskOccurrence(call.store, call.mailbox, task)) throw new ResponseError('ErrorCannotDeleteTaskOccurrence')
  return true
}

/**
 * Moves items: the moved item has a new id.
 * Documentation: https://learn.microsoft.com/exchange/client-developer/web-service-reference/moveitem-operation
 */
export function moveItem(call: Call): string[] {
  return transfer(call, 'MoveItem', (item, target) => call.store.move(call.mailbox, item, target))
}

/** Documentation: https://learn.microsoft.com/exchange/client-developer/web-service-reference/copyitem-operation */
export function copyItem(call: Call): string[] {
  return transfer(call, 'CopyItem', (item, target) => call.store.copy(call.mailbox, item, target))
}

function transfer(
  call: Call,
  name: string,
  run: (item: Item, target: ReturnType<typeof resolveFolder>) => Item,
): string[] {
  const folder: XmlElement | undefined = child(call.body, 'ToFolderId')?.children[0]
  const ids = child(call.body, 'ItemIds')?.children ?? []
  return ids.map((reference) =>
    attempt(
      name,
      () => {
        const target = resolveFolder(call, folder, 'ErrorToFolderNotFound')
        const item = resolveItem(call, reference)
        if (item.occurrence) throw new ResponseError('ErrorCalendarCannotMoveOrCopyOccurrence')
        const result = run(item, target)
        call.store.writes.updated += 1
        return success(
          name,
          `<m:Items><t:${result.kind}>${itemIdXml(call.mailbox, result)}</t:${result.kind}></m:Items>`,
        )
      },
      '<m:Items/>',
    ),
  )
}
