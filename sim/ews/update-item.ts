import type { Call } from './call.ts'
import { inDeletedItems, requireChangeNumber, resolveItem } from './call.ts'
import type { DraftFields } from './calendar.ts'
import { settleTimes } from './calendar.ts'
import { today } from './create-item.ts'
import { ResponseError } from './errors.ts'
import { extendedKey, extendedValue } from './extended.ts'
import type { FieldSpec } from './fields.ts'
import { fieldOf, fieldOfUri, indexedField } from './fields.ts'
import { itemIdXml } from './ids.ts'
import { keepAnswers, requireSendMode, sendInvitations } from './meetings.ts'
import type { Attendee, Body, Dictionary, Fields, Item } from './model.ts'
import { markOf, saveItem, saveTask, settleItem } from './save-item.ts'
import { attempt, success } from './soap.ts'
import { coupleStatus } from './tasks.ts'
import { readValue } from './values.ts'
import type { XmlElement } from './xml.ts'
import { child } from './xml.ts'

/** An item under change: the copies that become real only when every update of the request was accepted. */
interface Draft {
  fields: DraftFields
  extended: Record<string, string | string[]>
  /** Fields and extended properties written so far. */
  touched: Set<string>
}

/**
 * Changes single properties of items.
 * Documentation: https://learn.microsoft.com/exchange/client-developer/web-service-reference/updateitem-operation
 */
export function updateItem(call: Call): string[] {
  const changes = child(call.body, 'ItemChanges')?.children ?? []
  return changes.map((change) => attempt('UpdateItem', () => updateOne(call, change), '<m:Items/>'))
}

function updateOne(call: Call, change: XmlElement): string {
  const reference = change.children[0]
  if (!reference) throw new ResponseError('ErrorInvalidRequest', 'The ItemChange names no item.')
  const item = resolveItem(call, reference)
  const known = requireChangeNumber(call, reference)
  const sendMode = sendModeOf(call, item)
  const draft: Draft = { fields: { ...item.fields }, extended: { ...item.extended }, touched: new Set() }
  for (const update of child(change, 'Updates')?.children ?? []) applyUpdate(call, item, draft, update)
  const merged = resolveConflict(call, item, known, draft.touched)
  const extended = Object.keys(draft.extended).length > 0 ? draft.extended : null
  if (item.kind === 'CalendarItem') settleTimes(draft.fields, item.fields, call.zone, call.store.clock.now())
  const next: Item = { ...item, fields: draft.fields as Fields, extended }
  let answer = item
  if (item.kind === 'CalendarItem') {
    settleItem(call.mailbox, item, next, call.store.keepExceptions)
    keepAnswers(next.fields, item.fields)
    sendInvitations(call.store, call.mailbox, next, sendMode, item.fields)
    answer = saveItem(call.store, call.mailbox, item, next, draft.touched)
  } else if (item.kind === 'Task') answer = saveTask(call.store, call.mailbox, item, next, draft.touched)
  else answer = saveItem(call.store, call.mailbox, item, next, draft.touched)
  call.store.writes.updated += 1
  call.store.planTouch(call.mailbox, answer)
  return success(
    'UpdateItem',
    `<m:Items><t:${item.kind}>${itemIdXml(call.mailbox, answer)}</t:${item.kind}></m:Items>` +
      `<m:ConflictResults><t:Count>${merged}</t:Count></m:ConflictResults>`,
  )
}

function sendModeOf(call: Call, item: Item): string {
  if (item.kind === 'Message' && !call.body.attrs['MessageDisposition'])
    throw new ResponseError('ErrorMessageDispositionRequired')
  if (item.kind !== 'CalendarItem') return 'SendToNone'
  const mode = requireSendMode(
    call.body.attrs['SendMeetingInvitationsOrCancellations'],
    'ErrorSendMeetingInvitationsOrCancellationsRequired',
  )
  if (mode !== 'SendToNone' && inDeletedItems(call, item))
    throw new ResponseError('ErrorCalendarCannotUpdateDeletedItem')
  return mode
}

/** Compares change keys; returns how many foreign changes were merged around ours. */
function resolveConflict(call: Call, item: Item, known: number, touched: Set<string>): number {
  const mode = call.body.attrs['ConflictResolution'] ?? 'AutoResolve'
  if (known === item.seq || mode === 'AlwaysOverwrite') return 0
  if (mode === 'NeverOverwrite') throw new ResponseError('ErrorIrresolvableConflict')
  const since = (item.history ?? []).filter(([seq]) => seq > known)
  const foreign = new Set(since.flatMap(([, names]) => names))
  const forgotten = item.history !== null && item.history.length === 8 && since.length === 8
  if (forgotten || [...touched].some((name) => foreign.has(markOf(item, name)))) throw new ResponseError('ErrorIrresolvableConflict')
  return foreign.size
}

function applyUpdate(call: Call, item: Item, draft: Draft, update: XmlElement): void {
  const [path, content] = update.children
  if (!path) throw new ResponseError('ErrorInvalidRequest', 'An update names no property.')
  if (content && content.name !== item.kind && content.name !== 'Item')
    throw new ResponseError('ErrorObjectTypeChanged')
  if (path.name === 'ExtendedFieldURI') return applyExtended(draft, path, update, content)
  const uri = path.attrs['FieldURI'] ?? ''
  if (path.name === 'IndexedFieldURI') return applyIndexed(item, draft, path, update, content)
  const spec = fieldOfUri(item.kind, uri)
  if (!spec) throw new ResponseError('ErrorInvalidPropertyRequest')
  // The pattern is the master's alone.
  if (spec.name === 'Recurrence' && item.occurrence) throw new ResponseError('ErrorInvalidPropertySet')
  draft.touched.add(spec.name)
  if (update.name === 'DeleteItemField') deleteField(draft, spec)
  else writeField(call, draft, spec, update, content)
  if (item.kind === 'Task') coupleStatus(draft.fields, spec.name, today(call))
}

function deleteField(draft: Draft, spec: FieldSpec): void {
  // davmail#22: a calendar item cannot be without its times.
  const fixed = ['Start', 'End', 'StartTimeZone', 'EndTimeZone', 'UID', 'IsAllDayEvent']
  if (!spec.writable || fixed.includes(spec.name)) throw new ResponseError('ErrorInvalidPropertyDelete')
  delete draft.fields[spec.name]
}

function writeField(
  call: Call,
  draft: Draft,
  spec: FieldSpec,
  update: XmlElement,
  content: XmlElement | undefined,
): void {
  if (!spec.writable) throw new ResponseError('ErrorInvalidPropertySet')
  const [element, ...more] = content?.children ?? []
  if (!element || more.length > 0 || element.name !== spec.name) throw new ResponseError('ErrorUpdatePropertyMismatch')
  const value = readValue(spec, element, call.zone ?? 'UTC')
  if (update.name !== 'AppendToItemField') {
    draft.fields[spec.name] = value
    return
  }
  const old = draft.fields[spec.name]
  if (spec.type === 'body') {
    const body = old as Body | undefined
    draft.fields[spec.name] = body ? { type: body.type, text: body.text + (value as Body).text } : value
  } else if (spec.type === 'attendees') {
    draft.fields[spec.name] = [...((old as Attendee[] | undefined) ?? []), ...(value as Attendee[])]
  } else throw new ResponseError('ErrorInvalidPropertyAppend')
}

function applyExtended(draft: Draft, path: XmlElement, update: XmlElement, content: XmlElement | undefined): void {
  const key = extendedKey(path)
  if (!key) throw new ResponseError('ErrorInvalidExtendedProperty')
  draft.touched.add(key)
  if (update.name === 'DeleteItemField') {
    delete draft.extended[key]
    return
  }
  if (update.name === 'AppendToItemField') throw new ResponseError('ErrorInvalidPropertyAppend')
  const property = child(content, 'ExtendedProperty')
  const own = child(property, 'ExtendedFieldURI')
  if (!property || !own || extendedKey(own) !== key) throw new ResponseError('ErrorUpdatePropertyMismatch')
  draft.extended[key] = extendedValue(property)
}

/** One entry of a keyed dictionary, or one part of a postal address. */
function applyIndexed(
  item: Item,
  draft: Draft,
  path: XmlElement,
  update: XmlElement,
  content: XmlElement | undefined,
): void {
  const field = indexedField(path.attrs['FieldURI'] ?? '')
  const index = path.attrs['FieldIndex'] ?? ''
  const spec = field ? fieldOf(item.kind, field.dictionary) : undefined
  if (!field || !spec) throw new ResponseError('ErrorInvalidPropertyRequest')
  draft.touched.add(`${field.dictionary}:${index}:${field.part ?? ''}`)
  const dictionary: Dictionary = { ...(draft.fields[field.dictionary] as Dictionary | undefined) }
  draft.fields[field.dictionary] = dictionary
  const entry = dictionary[index]
  if (update.name === 'DeleteItemField') {
    if (field.part === null || typeof entry !== 'object') delete dictionary[index]
    else {
      const { [field.part]: _, ...rest } = entry
      dictionary[index] = rest
    }
    return
  }
  const written = child(content, field.dictionary)
  const value = written ? (readValue(spec, written, 'UTC') as Dictionary)[index] : undefined
  if (value === undefined) throw new ResponseError('ErrorUpdatePropertyMismatch')
  if (field.part === null) dictionary[index] = value
  else {
    const part = typeof value === 'object' ? value[field.part] : undefined
    if (part === undefined) throw new ResponseError('ErrorUpdatePropertyMismatch')
    dictionary[index] = { ...(typeof entry === 'object' ? entry : {}), [field.part]: part }
  }
}
