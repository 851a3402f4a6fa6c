import type { RenderContext } from './computed.ts'
import { itemIdXml } from './ids.ts'
import type { Item } from './model.ts'
import { lastOccurrence, occurrenceOn, occurrencesOf, originalStartOn } from './series.ts'
import { writeInstant } from './zones.ts'

/**
 * Writes FirstOccurrence, LastOccurrence, ModifiedOccurrences or DeletedOccurrences of a master; an empty string when
 * there is nothing to tell. A series without end has no LastOccurrence.
 * Documentation: https://learn.microsoft.com/exchange/client-developer/web-service-reference/modifiedoccurrences
 */
export function occurrenceListXml(name: string, master: Item, context: RenderContext): string {
  switch (name) {
    case 'FirstOccurrence':
      for (const first of occurrencesOf(master)) return infoXml(name, first, context)
      return ''
    case 'LastOccurrence': {
      const last = lastOccurrence(master)
      return last ? infoXml(name, last, context) : ''
    }
    case 'ModifiedOccurrences': {
      const days = [...(master.series?.exceptions.keys() ?? [])].sort((a, b) => a - b)
      const exceptions = days.map((day) => occurrenceOn(master, day)).filter((exception) => exception !== null)
      return wrap(name, exceptions.map((exception) => infoXml('Occurrence', exception, context)))
    }
    default: {
      const days = [...(master.series?.deleted ?? [])].sort((a, b) => a - b)
      const starts = days.map((day) => writeInstant(originalStartOn(master, day), context.zone))
      return wrap(name, starts.map((start) => `<t:DeletedOccurrence><t:Start>${start}</t:Start></t:DeletedOccurrence>`))
    }
  }
}

function wrap(name: string, entries: string[]): string {
  return entries.length > 0 ? `<t:${name}>${entries.join('')}</t:${name}>` : ''
}

function infoXml(name: string, item: Item, { mailbox, zone }: RenderContext): string {
  const times = ['Start', 'End', 'OriginalStart'].map(
    (part) => `<t:${part}>${writeInstant(Number(item.fields[part]), zone)}</t:${part}>`,
  )
  return `<t:${name}>${itemIdXml(mailbox, item)}${times.join('')}</t:${name}>`
}
