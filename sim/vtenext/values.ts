import { wallOf } from './zones.ts'

export type DateFormat = 'yyyy-mm-dd' | 'dd-mm-yyyy' | 'mm-dd-yyyy'

export const ZERO_DATE = '0000-00-00'

/** HTML's names for U+00A0..U+00FF, in order. */
const LATIN =
  'nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute ' +
  'micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring ' +
  'AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml ' +
  'times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil ' +
  'egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ' +
  'ugrave uacute ucirc uuml yacute thorn yuml'

const names = new Map<string, string>([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ...LATIN.split(' ').map((name, index) => [name, String.fromCharCode(0xa0 + index)] as [string, string]),
])
const characters = new Map([...names].map(([name, character]) => [character, name]))

/** vtenext decodes HTML entities when it reads a value: `a &amp; b` comes back as `a & b`. */
export function decodeEntities(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return names.get(name) ?? whole
    const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal)
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}

/** The entity name of an invitee leaves vtenext HTML-encoded: `M&uuml;ller`. */
export function encodeEntities(text: string): string {
  return text.replace(/[&<>"\u00a0-\u00ff]/g, (character) => `&${characters.get(character)};`)
}

/** What the CRM keeps of a text: no 4-byte characters (3-byte utf8 turns each into `????`), cut without a word. */
export function storedText(value: string, maximum = Number.POSITIVE_INFINITY): string {
  const text = decodeEntities(value).replace(/[\u{10000}-\u{10ffff}]/gu, '????')
  return text.length > maximum ? text.slice(0, maximum) : text
}

/** A JSON value as the text PHP makes of it. */
export function scalarText(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  return value === true ? '1' : ''
}

export function storedBoolean(text: string): string {
  return text === '' || text === '0' || text === 'off' || text === 'false' ? '0' : '1'
}

export function storedInteger(text: string): string {
  const number = Number.parseInt(text, 10)
  return Number.isNaN(number) ? '0' : String(number)
}

/** `yyyy-mm-dd` and the caller's own format are understood; anything else becomes 0000-00-00 without an error. */
export function storedDate(text: string, format: DateFormat): string {
  if (text === '') return ''
  const digits = /^(\d{1,4})-(\d{1,2})-(\d{1,4})$/.exec(text.trim().slice(0, 10))
  if (!digits) return ZERO_DATE
  const [, first = '', second = '', third = ''] = digits
  if (first.length === 4) return validDate(first, second, third)
  if (format === 'dd-mm-yyyy') return validDate(third, second, first)
  return format === 'mm-dd-yyyy' ? validDate(third, first, second) : ZERO_DATE
}

function validDate(year: string, month: string, day: string): string {
  const text = `${year.padStart(4, '0')}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`
  const date = new Date(`${text}T00:00:00Z`)
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text) ? text : ZERO_DATE
}

/** `yyyy-mm-dd` in the format a user has chosen. */
export function shownDate(date: string, format: DateFormat): string {
  if (format === 'yyyy-mm-dd' || date === '') return date
  const [year, month, day] = [date.slice(0, 4), date.slice(5, 7), date.slice(8, 10)]
  return format === 'dd-mm-yyyy' ? `${day}-${month}-${year}` : `${month}-${day}-${year}`
}

/** `HH:MM`; seconds are accepted and dropped. */
export function storedTime(text: string): string {
  const parts = /^(\d{1,2}):(\d{2})(?::\d{2})?$/.exec(text.trim())
  return parts ? `${parts[1]?.padStart(2, '0')}:${parts[2]}` : ''
}

/** Reminders are written in seconds and read in minutes; a minutes part of 0 is turned into 1 (3600 reads 61). */
export function storedReminder(text: string): string | null {
  const seconds = Number.parseInt(text, 10)
  if (!(seconds > 0)) return null
  const days = Math.floor(seconds / 86_400)
  const hours = Math.floor(seconds / 3600) % 24
  const minutes = Math.floor(seconds / 60) % 60 || 1
  return String(days * 1440 + hours * 60 + minutes)
}

/** The dates the duration is computed from are read more leniently than those that are stored: dd-mm-yyyy counts. */
export function lenientDate(text: string): string {
  const turned = /^(\d{2})-(\d{2})-(\d{4})$/.exec(text)
  return turned ? `${turned[3]}-${turned[2]}-${turned[1]}` : text
}

/** Hours and minutes between two wall clock readings; the sign is lost, unreadable dates give 0. */
export function durationOf(start: [string, string], end: [string, string]): [hours: string, minutes: string] {
  const minutes = Math.abs(wallOf(...end) - wallOf(...start)) / 60_000
  if (Number.isNaN(minutes)) return ['0', '0']
  return [String(Math.floor(minutes / 60)), String(Math.floor(minutes % 60))]
}
