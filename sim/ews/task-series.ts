import type { Fields, Item, Mailbox } from './model.ts'
import type { Recurrence } from './recurrence.ts'
import { DAY_MS, daysOf, firstDay, recurrenceXml, regenerated } from './recurrence.ts'
import { recurrenceOf } from './series.ts'
import type { Store } from './store.ts'

/**
 * Moves the dates of a recurring task onto its pattern; the folder holds its current occurrence only.
 * Documentation: https://learn.microsoft.com/exchange/client-developer/web-service-reference/createitem-operation-task
 */
export function settleTaskSeries(fields: Fields): void {
  const recurrence = recurrenceOf(fields)
  if (!recurrence) {
    delete fields['#day']
    delete fields['#done']
    return
  }
  const first = firstDay(recurrence)
  fields['Recurrence'] = { xml: recurrenceXml({ ...recurrence, start: first }, () => '') }
  fields['#done'] = 0
  moveTo(fields, first)
}

/** Start and due date keep their distance; without a start date the due date is what recurs. */
function moveTo(fields: Fields, day: number): void {
  const start = fields['StartDate'] as number | undefined
  const due = fields['DueDate'] as number | undefined
  const at = day * DAY_MS
  fields['#day'] = day
  if (start === undefined) fields['DueDate'] = at
  else {
    fields['StartDate'] = at
    if (due !== undefined) fields['DueDate'] = at + Math.max(due - start, 0)
  }
}

/**
 * Does this change leave a one-off task behind: the current occurrence is completed, or it does not regenerate and its
 * dates change?
 * Documentation: https://learn.microsoft.com/exchange/client-developer/web-service-reference/updateitem-operation-task
 */
export function movesOn(task: Item, next: Item): boolean {
  const recurrence = recurrenceOf(task.fields)
  if (!recurrence || task.fields['Recurrence'] !== next.fields['Recurrence']) return false
  const completed = next.fields['Status'] === 'Completed' && task.fields['Status'] !== 'Completed'
  const moved = ['StartDate', 'DueDate'].some((name) => task.fields[name] !== next.fields[name])
  const goes = completed || (moved && recurrence.pattern.type !== 'Regeneration')
  return goes && dayAfter(recurrence, task.fields, next.fields) !== null
}

/**
 * Leaves a one-off task with the changes and moves the recurring one to its next occurrence.
 * @returns the one-off task; the recurring one keeps its id.
 */
export function advanceTask(store: Store, mailbox: Mailbox, task: Item, next: Item): Item {
  const { Recurrence: _, '#day': __, '#done': ___, ...fields } = next.fields
  const day = dayAfter(recurrenceOf(task.fields), task.fields, next.fields)
  if (day !== null) goTo(store, mailbox, task, day)
  return store.create(mailbox, store.folderOf(mailbox, task), {
    kind: 'Task',
    itemClass: task.itemClass,
    fields,
    extended: next.extended,
  })
}

/** Drops the current occurrence; false when it is the last. */
export function skipTaskOccurrence(store: Store, mailbox: Mailbox, task: Item): boolean {
  const day = dayAfter(recurrenceOf(task.fields), task.fields, task.fields)
  if (day === null) return false
  goTo(store, mailbox, task, day)
  return true
}

function goTo(store: Store, mailbox: Mailbox, task: Item, day: number): void {
  const done = Number(task.fields['#done'] ?? 0) + 1
  task.fields = { ...task.fields, '#done': done, Status: 'NotStarted', PercentComplete: 0 }
  moveTo(task.fields, day)
  store.changed(mailbox, task, ['StartDate', 'DueDate', 'Status', 'PercentComplete'])
}

/** Day of the next occurrence; null after the last. A regenerating task counts from the day it was completed. */
function dayAfter(recurrence: Recurrence | null, before: Fields, after: Fields): number | null {
  if (!recurrence) return null
  const current = Number(before['#day'])
  if (recurrence.pattern.type === 'Regeneration') {
    if (recurrence.count !== null && Number(before['#done'] ?? 0) + 1 >= recurrence.count) return null
    const done = Number(after['CompleteDate'] ?? current * DAY_MS) / DAY_MS
    const day = regenerated(recurrence.pattern, done)
    return recurrence.end !== null && day > recurrence.end ? null : day
  }
  for (const day of daysOf(recurrence)) if (day > current) return day
  return null
}
