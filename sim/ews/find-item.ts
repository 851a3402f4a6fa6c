import type { Call } from './call.ts'
import { renderContext, resolveFolder } from './call.ts'
import type { RenderContext } from './computed.ts'
import { ResponseError } from './errors.ts'
import type { Folder, Item } from './model.ts'
import { matches, orderOf, valueAt } from './restriction.ts'
import { occurrencesBetween, overlaps } from './series.ts'
import { attempt, success } from './soap.ts'
import { ItemShape } from './shape.ts'
import type { XmlElement } from './xml.ts'
import { child } from './xml.ts'
import { readInstant } from './zones.ts'

/** EWSFindCountLimit of the default throttling policy: pages are cut at 1000 items, at 250 with a restriction. */
const FIND_LIMIT = 1000
const FIND_LIMIT_RESTRICTED = 250

/** FindItem never returns these, whatever the shape says; GetItem does. */
const NOT_FOUND_HERE = [
  'Body',
  'TextBody',
  'ResponseObjects',
  'RequiredAttendees',
  'OptionalAttendees',
  'Resources',
  'Recurrence',
  'FirstOccurrence',
  'LastOccurrence',
  'ModifiedOccurrences',
  'DeletedOccurrences',
  'StartTimeZone',
  'EndTimeZone',
]

/**
 * Searches folders, one response message per folder.
 * Documentation: https://learn.microsoft.com/exchange/client-developer/web-service-reference/finditem-operation
 */
export function findItem(call: Call): string[] {
  const parents = child(call.body, 'ParentFolderIds')?.children ?? []
  return parents.map((reference) =>
    attempt('FindItem', () => {
      const folder = resolveFolder(call, reference)
      const context = renderContext(call)
      const view = child(call.body, 'CalendarView')
      const found = call.body.attrs['Traversal'] === 'Shallow' ? select(call, folder, view, context) : []
      return success('FindItem', view ? calendarPage(call, view, found, context) : indexedPage(call, found, context))
    }),
  )
}

function select(call: Call, folder: Folder, view: XmlElement | undefined, context: RenderContext): Item[] {
  const items = [...call.store.itemsOf(folder).values()]
  if (view) return inCalendarView(call, folder, view, items)
  const restriction = child(call.body, 'Restriction')?.children[0]
  const found = restriction ? items.filter((item) => matches(restriction, item, context)) : items
  const orders = child(call.body, 'SortOrder')?.children ?? []
  if (orders.length === 0) return found.reverse()
  return found.sort((a, b) => {
    for (const order of orders) {
      const path = order.children[0]
      if (!path) continue
      const [left, right] = [valueAt(path, a, context) ?? '', valueAt(path, b, context) ?? '']
      const result = orderOf(left, right) * (order.attrs['Order'] === 'Descending' ? -1 : 1)
      if (result !== 0) return result
    }
    return a.serial - b.serial
  })
}

/**
 * Single items, occurrences and exceptions that overlap the window, by start; masters stay out.
 * Documentation: https://learn.microsoft.com/exchange/client-developer/web-service-reference/calendarview
 */
function inCalendarView(call: Call, folder: Folder, view: XmlElement, items: Item[]): Item[] {
  if (!folder.folderClass.startsWith('IPF.Appointment'))
    throw new ResponseError('ErrorCalendarFolderIsInvalidForCalendarView')
  if (child(call.body, 'Restriction'))
    throw new ResponseError('ErrorInvalidRequest', 'A CalendarView takes no restriction.')
  const from = readInstant(view.attrs['StartDate'] ?? '', call.zone ?? 'UTC')
  const to = readInstant(view.attrs['EndDate'] ?? '', call.zone ?? 'UTC')
  if (to < from) throw new ResponseError('ErrorCalendarEndDateIsEarlierThanStartDate')
  const limit = new Date(from)
  limit.setUTCFullYear(limit.getUTCFullYear() + 2)
  if (to > limit.getTime()) throw new ResponseError('ErrorCalendarViewRangeTooBig')
  return items
    .filter(({ kind }) => kind === 'CalendarItem')
    .flatMap((item) => (item.series ? occurrencesBetween(item, from, to) : overlaps(item, from, to) ? [item] : []))
    .sort((a, b) => Number(a.fields['Start']) - Number(b.fields['Start']))
}

function calendarPage(call: Call, view: XmlElement, found: Item[], context: RenderContext): string {
  const most = Math.min(Number(view.attrs['MaxEntriesReturned'] ?? FIND_LIMIT), FIND_LIMIT)
  const page = found.slice(0, most)
  return (
    `<m:RootFolder TotalItemsInView="${page.length}" IncludesLastItemInRange="${page.length === found.length}">` +
    `${itemsXml(call, page, context)}</m:RootFolder>`
  )
}

function indexedPage(call: Call, found: Item[], context: RenderContext): string {
  const view = child(call.body, 'IndexedPageItemView')
  const limit = child(call.body, 'Restriction') ? FIND_LIMIT_RESTRICTED : FIND_LIMIT
  const most = Math.min(Number(view?.attrs['MaxEntriesReturned'] ?? limit), limit, call.forcePageSize)
  const offset = Number(view?.attrs['Offset'] ?? 0)
  const fromEnd = view?.attrs['BasePoint'] === 'End'
  const start = fromEnd ? Math.max(0, found.length - offset - most) : offset
  const end = fromEnd ? Math.max(0, found.length - offset) : offset + most
  const page = found.slice(start, end)
  const next = fromEnd ? offset + page.length : start + page.length
  const last = fromEnd ? start === 0 : next >= found.length
  return (
    `<m:RootFolder IndexedPagingOffset="${next}" TotalItemsInView="${found.length}" IncludesLastItemInRange="${last}">` +
    `${itemsXml(call, page, context)}</m:RootFolder>`
  )
}

function itemsXml(call: Call, page: Item[], context: RenderContext): string {
  const shape = new ItemShape(child(call.body, 'ItemShape'), false, NOT_FOUND_HERE)
  return `<t:Items>${page.map((item) => shape.render(item, context)).join('')}</t:Items>`
}
