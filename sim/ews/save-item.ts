import { storedItem } from './call.ts'
import type { Item, Mailbox } from './model.ts'
import { checkNeighbours, putException, settleSeries } from './series.ts'
import type { Store } from './store.ts'
import { advanceTask, movesOn, settleTaskSeries } from './task-series.ts'

/** A master's series follows its new fields; an occurrence has to stay between its neighbours. */
export function settleItem(mailbox: Mailbox, item: Item, next: Item, keepExceptions: boolean): void {
  if (!item.occurrence) next.series = settleSeries(next.fields, item, keepExceptions)
  else if (next.fields['Start'] !== item.fields['Start'] || next.fields['End'] !== item.fields['End']) {
    const { Start, End } = next.fields
    checkNeighbours(storedItem(mailbox, item), item.occurrence.day, Number(Start), Number(End))
  }
}

/**
 * Stores the new state of an item, or of an occurrence, which thereby becomes an exception of its series.
 * @returns the item with its new change number.
 */
export function saveItem(store: Store, mailbox: Mailbox, item: Item, next: Item, touched: ReadonlySet<string>): Item {
  const stored = storedItem(mailbox, item)
  if (item.occurrence) {
    putException(stored, item, next.fields, next.extended, touched)
  } else {
    stored.fields = next.fields
    stored.extended = next.extended
    stored.series = next.series
  }
  store.changed(mailbox, stored, [...touched].map((name) => markOf(item, name)))
  if (!item.occurrence) return stored
  return { ...next, seq: stored.seq, modified: stored.modified, occurrence: { ...item.occurrence, exception: true } }
}

/** A recurring task may leave a one-off one behind: then that is the answer. */
export function saveTask(store: Store, mailbox: Mailbox, task: Item, next: Item, touched: ReadonlySet<string>): Item {
  if (movesOn(task, next)) return advanceTask(store, mailbox, task, next)
  if (next.fields['Recurrence'] !== task.fields['Recurrence']) settleTaskSeries(next.fields)
  return saveItem(store, mailbox, task, next, touched)
}

/** A field as the history of changes names it: the same field of two occurrences makes no conflict. */
export function markOf(item: Item, name: string): string {
  return item.occurrence ? `${item.occurrence.day}:${name}` : name
}
