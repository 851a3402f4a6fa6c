import type { ItemKind, Stamp } from '../model/index.ts'
import { itemId, token as toToken } from '../model/index.ts'
import { childText, childrenOf, child, escapeXml } from '../lib/xml.ts'
import type { XmlElement } from '../lib/xml.ts'

/**
 * The product's one named property. Named properties are a finite resource of a mailbox and never freed, so its
 * identity never varies; in Graph it is `String {1cdabb78-…} Name VtenextSync`.
 */
export const STAMP_SET = '1cdabb78-13f8-4dcc-9338-3e2367763215'
export const STAMP_NAME = 'VtenextSync'
export const STAMP_PATH = `<t:ExtendedFieldURI PropertySetId="${STAMP_SET}" PropertyName="${STAMP_NAME}" PropertyType="String"/>`

/** In the same property of the folder we make: it stays ours under any name. */
export const FOLDER_STAMP = 'v1;folder;Contacts'

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

export const folderStampXml = (): string => extendedXml(STAMP_PATH, FOLDER_STAMP)

export function stampXml(stamp: Stamp): string {
  return extendedXml(STAMP_PATH, formatStamp(stamp))
}

/** @param path an ExtendedFieldURI element */
export function extendedXml(path: string, value: string): string {
  return `<t:ExtendedProperty>${path}<t:Value>${escapeXml(value)}</t:Value></t:ExtendedProperty>`
}

export function stampOf(properties: XmlElement): Stamp | undefined {
  const value = extendedValue(properties, (uri) =>
    uri['PropertyName'] === STAMP_NAME && uri['PropertySetId']?.toLowerCase() === STAMP_SET)
  return value === undefined ? undefined : parseStamp(value)
}

/** The value of the first extended property whose URI attributes fit. */
export function extendedValue(properties: XmlElement, fits: (uri: Readonly<Record<string, string>>) => boolean): string | undefined {
  const property = childrenOf(properties, 'ExtendedProperty').find((candidate) => fits(child(candidate, 'ExtendedFieldURI')?.attributes ?? {}))
  return childText(property, 'Value')
}
