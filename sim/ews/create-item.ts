import type { Call } from './call.ts'
import { resolveFolder } from './call.ts'
import type { DraftFields } from './calendar.ts'
import { calendarDefaults, settleTimes } from './calendar.ts'
import { newUid } from './computed.ts'
import { ResponseError } from './errors.ts'
import { extendedKey, extendedValue } from './extended.ts'
import { fieldOf } from './fields.ts'
import { itemIdXml } from './ids.ts'
import { attendeesOf, requireSendMode, sendInvitations } from './meetings.ts'
import type { Fields, Folder, Item, ItemKind } from './model.ts'
import { createResponse, isResponseObject } from './response-objects.ts'
import { settleSeries } from './series.ts'
import { attempt, success } from './soap.ts'
import { DEFAULT_CLASS, DEFAULT_FOLDER } from './store.ts'
import { settleTaskSeries } from './task-series.ts'
import { coupleStatus, taskDefaults } from './tasks.ts'
import { readValue } from './values.ts'
import type { XmlElement } from './xml.ts'
import { child, childText } from './xml.ts'

const WRONG_FOLDER: Partial<Record<ItemKind, [string, string]>> = {
  CalendarItem: ['IPF.Appointment', 'ErrorCannotCreateCalendarItemInNonCalendarFolder'],
  Contact: ['IPF.Contact', 'ErrorCannotCreateContactInNonContactFolder'],
  Task: ['IPF.Task', 'ErrorCannotCreateTaskInNonTaskFolder'],
}

/**
 * Creates calendar items, tasks, contacts and messages, one response message each.
 * Documentation: https://learn.microsoft.com/exchange/client-developer/web-service-reference/createitem-operation
 */
export function createItem(call: Call): string[] {
  const target = child(call.body, 'SavedItemFolderId')?.children[0]
  const items = child(call.body, 'Items')?.children ?? []
  return items.map((element) => attempt('CreateItem', () => createOne(call, element, target), '<m:Items/>'))
}

function createOne(call: Call, element: XmlElement, target: XmlElement | undefined): string {
  if (isResponseObject(element.name)) return createResponse(call, element)
  const kind = element.name as ItemKind
  if (!(kind in DEFAULT_FOLDER))
    throw new ResponseError('ErrorInvalidRequest', `This server does not create ${element.name}.`)
  const sendMode =
    kind === 'CalendarItem'
      ? requireSendMode(call.body.attrs['SendMeetingInvitations'], 'ErrorSendMeetingInvitationsRequired')
      : 'SendToNone'
  const disposition = call.body.attrs['MessageDisposition']
  if (kind === 'Message' && !disposition) throw new ResponseError('ErrorMessageDispositionRequired')
  const folder = target ? resolveFolder(call, target) : defaultFolder(call, kind, disposition)
  const [folderClass, code] = WRONG_FOLDER[kind] ?? ['', '']
  if (!folder.folderClass.startsWith(folderClass) && folder.distinguished !== 'deleteditems')
    throw new ResponseError(code)
  const itemClass = childText(element, 'ItemClass') ?? DEFAULT_CLASS[kind]
  const fields = readFields(call, kind, element)
  const series = kind === 'CalendarItem' ? settleSeries(fields, null, false) : null
  const item = call.store.create(call.mailbox, folder, {
    kind,
    itemClass,
    fields,
    extended: readExtended(element),
    series,
  })
  call.store.writes.created += 1
  afterCreate(call, item, sendMode, disposition)
  call.store.planTouch(call.mailbox, item)
  if (disposition === 'SendOnly' && kind === 'Message') {
    call.store.remove(call.mailbox, item)
    return success('CreateItem', '<m:Items/>')
  }
  return success('CreateItem', `<m:Items><t:${kind}>${itemIdXml(call.mailbox, item)}</t:${kind}></m:Items>`)
}

function defaultFolder(call: Call, kind: ItemKind, disposition: string | undefined): Folder {
  const name = kind === 'Message' && disposition !== 'SaveOnly' ? 'sentitems' : DEFAULT_FOLDER[kind]
  const folder = call.store.distinguished(call.mailbox, name)
  if (!folder) throw new ResponseError('ErrorFolderNotFound')
  return folder
}

function afterCreate(call: Call, item: Item, sendMode: string, disposition: string | undefined): void {
  const { store, mailbox } = call
  if (item.kind === 'CalendarItem') {
    item.fields['UID'] ??= newUid(`${mailbox.token}#${item.serial}`)
    sendInvitations(store, mailbox, item, sendMode, null)
  }
  if (item.kind === 'Message' && disposition !== 'SaveOnly') {
    const to = ['ToRecipients', 'CcRecipients', 'BccRecipients'].flatMap((name) =>
      attendeesOf({ RequiredAttendees: item.fields[name] ?? [] }),
    )
    for (const { address } of to) {
      store.mail({ from: mailbox.address, to: address, subject: String(item.fields['Subject'] ?? ''), kind: 'message' })
    }
  }
}

/** Reads the properties of a new item in the order of the request and fills in the server's defaults. */
function readFields(call: Call, kind: ItemKind, element: XmlElement): Fields {
  const draft: DraftFields = {}
  for (const property of element.children) {
    if (property.name === 'ExtendedProperty' || property.name === 'ItemClass') continue
    const spec = fieldOf(kind, property.name)
    if (!spec) continue
    if (!spec.writable) throw new ResponseError('ErrorInvalidPropertySet')
    draft[property.name] = readValue(spec, property, call.zone ?? 'UTC')
    if (kind === 'Task') coupleStatus(draft, property.name, today(call))
  }
  fillDefaults(draft, kind, call.zone, call.store.clock.now())
  return draft as Fields
}

export function fillDefaults(draft: DraftFields, kind: ItemKind, zone: string | null, now: number): void {
  draft['Sensitivity'] ??= 'Normal'
  draft['Importance'] ??= 'Normal'
  if (kind === 'CalendarItem') {
    calendarDefaults(draft)
    settleTimes(draft, null, zone, now)
  }
  if (kind === 'Task') {
    taskDefaults(draft)
    settleTaskSeries(draft as Fields)
  }
}

export function today(call: Call): number {
  return Math.floor(call.store.clock.now() / 86_400_000) * 86_400_000
}

export function readExtended(element: XmlElement): Item['extended'] {
  let extended: Item['extended'] = null
  for (const property of element.children) {
    if (property.name !== 'ExtendedProperty') continue
    const path = child(property, 'ExtendedFieldURI')
    const key = path ? extendedKey(path) : null
    if (!key) throw new ResponseError('ErrorInvalidExtendedProperty')
    extended ??= {}
    extended[key] = extendedValue(property)
  }
  return extended
}
