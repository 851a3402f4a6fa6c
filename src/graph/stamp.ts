import type { ItemKind, Stamp } from '../model/index.ts'
import { itemId, token as toToken } from '../model/index.ts'
import type { ExtendedProperty, LinkedResource, Resource, TaskResource } from './resources.ts'

/**
 * The product's one named property, the same that the EWS side writes: an item keeps its stamp when its mailbox moves
 * between a company's own server and the cloud. https://learn.microsoft.com/graph/api/resources/extended-properties-overview
 */
export const STAMP_ID = 'String {1cdabb78-13f8-4dcc-9338-3e2367763215} Name VtenextSync'
/**
 * Graph chooses the UID of what it creates, so the UID that was asked for lies beside it. It counts only on an event that
 * carries our own transaction: a copy made by hand has that property, too.
 */
export const UID_ID = 'String {1cdabb78-13f8-4dcc-9338-3e2367763215} Name VtenextUid'
/** To Do tasks have no named properties: theirs is a linked resource, which people see as the origin of the task. */
export const APPLICATION = 'vtenext'

const MODULES: Readonly<Record<ItemKind, string>> = { event: 'Events', task: 'Calendar', contact: 'Contacts' }

const BORN = 'crm-'

/** `v1;<instance>;<module>;<record id>;<pair uuid>`, and `;crm-<hash of the UID>` on what began in the CRM */
export function formatStamp({ instance, kind, record, token, born }: Stamp): string {
  return ['v1', instance, MODULES[kind], record, token, ...(born === undefined ? [] : [`${BORN}${born}`])].join(';')
}

/** @returns undefined for anything we did not write: a foreign value is no reason to refuse the item */
export function parseStamp(value: string): Stamp | undefined {
  const [version, instance, module, record, token, born, ...rest] = value.split(';')
  const kind = (Object.keys(MODULES) as ItemKind[]).find((candidate) => MODULES[candidate] === module)
  if (version !== 'v1' || !instance || kind === undefined || !record || !token || rest.length > 0) return undefined
  if (born !== undefined && !born.startsWith(BORN)) return undefined
  return { instance, kind, record: itemId(record), token: toToken(token), ...(born === undefined ? {} : { born: born.slice(BORN.length) }) }
}

export const stampProperty = (stamp: Stamp): ExtendedProperty => ({ id: STAMP_ID, value: formatStamp(stamp) })
export const uidProperty = (uid: string): ExtendedProperty => ({ id: UID_ID, value: uid })
export const stampLink = (stamp: Stamp): LinkedResource => ({ applicationName: APPLICATION, displayName: APPLICATION, externalId: formatStamp(stamp) })

/** The linked resource that is ours. */
export const ownLink = (task: TaskResource): LinkedResource | undefined =>
  task.linkedResources?.find(({ applicationName, externalId }) => applicationName === APPLICATION && parseStamp(externalId ?? '') !== undefined)

export function stampOf(resource: Resource & TaskResource): Stamp | undefined {
  const value = extendedValue(resource, STAMP_ID) ?? ownLink(resource)?.externalId
  return value === undefined ? undefined : parseStamp(value)
}

/** Servers write ids of properties in any case. */
export function extendedValue(resource: Resource, id: string): string | undefined {
  const wanted = canonical(id)
  return resource.singleValueExtendedProperties?.find((property) => canonical(property.id ?? '') === wanted)?.value
}

/** Tags as `0x3a45`, `0x3A45` or with leading zeros; GUIDs in any case; names as they are. */
function canonical(id: string): string {
  const [head, name] = id.split(' Name ')
  const lower = (head ?? '').toLowerCase().replace(/0x0*([0-9a-f]+)/g, '0x$1')
  return name === undefined ? lower : `${lower} name ${name}`
}
