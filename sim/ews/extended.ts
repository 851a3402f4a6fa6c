import type { XmlElement } from './xml.ts'
import { child, escapeXml } from './xml.ts'

/** GUIDs behind the DistinguishedPropertySetId names: both spellings address the same property. */
const PROPERTY_SETS: Record<string, string> = {
  Meeting: '6ed8da90-450b-101b-98da-00aa003f1305',
  Appointment: '00062002-0000-0000-c000-000000000046',
  Common: '00062008-0000-0000-c000-000000000046',
  PublicStrings: '00020329-0000-0000-c000-000000000046',
  Address: '00062004-0000-0000-c000-000000000046',
  InternetHeaders: '00020386-0000-0000-c000-000000000046',
  CalendarAssistant: '11000e07-b51b-40d6-af21-caa85edab1d0',
  UnifiedMessaging: '4442858e-a9e3-4e80-b900-317a210cc15b',
  Task: '00062003-0000-0000-c000-000000000046',
  Sharing: '00062040-0000-0000-c000-000000000046',
}

/**
 * One key per extended property, whichever way it is addressed: `{set}/name:VtenextSync:String`,
 * `{set}/id:35:Binary` or `tag:300b:Binary`. Null when the combination of attributes is not allowed.
 */
export function extendedKey(path: XmlElement): string | null {
  const { PropertyTag, PropertySetId, DistinguishedPropertySetId, PropertyName, PropertyId, PropertyType } = path.attrs
  if (!PropertyType) return null
  if (PropertyTag !== undefined) {
    if (PropertySetId ?? DistinguishedPropertySetId ?? PropertyName ?? PropertyId) return null
    const tag = /^0x/i.test(PropertyTag) ? Number.parseInt(PropertyTag, 16) : Number(PropertyTag)
    return Number.isNaN(tag) ? null : `tag:${tag.toString(16)}:${PropertyType}`
  }
  const set = DistinguishedPropertySetId ? PROPERTY_SETS[DistinguishedPropertySetId] : PropertySetId?.toLowerCase()
  if (!set || (PropertySetId && DistinguishedPropertySetId)) return null
  if ((PropertyName === undefined) === (PropertyId === undefined)) return null
  return PropertyName !== undefined
    ? `${set}/name:${PropertyName}:${PropertyType}`
    : `${set}/id:${PropertyId}:${PropertyType}`
}

/** Value of an ExtendedProperty element of a request. */
export function extendedValue(property: XmlElement): string | string[] {
  const values = child(property, 'Values')
  return values ? values.children.map((value) => value.text) : (child(property, 'Value')?.text ?? '')
}

/** Writes the property with the path as the client addressed it. */
export function extendedXml(path: XmlElement, value: string | string[]): string {
  let attrs = ''
  for (const key in path.attrs) attrs += ` ${key}="${escapeXml(path.attrs[key] ?? '')}"`
  const inner = Array.isArray(value)
    ? `<t:Values>${value.map((entry) => `<t:Value>${escapeXml(entry)}</t:Value>`).join('')}</t:Values>`
    : `<t:Value>${escapeXml(value)}</t:Value>`
  return `<t:ExtendedProperty><t:ExtendedFieldURI${attrs}/>${inner}</t:ExtendedProperty>`
}
