import { Box, Stack, Table, Text } from '@mantine/core'
import type { Speech } from '../i18n/index.tsx'
import { useSpeech } from '../i18n/index.tsx'

/** Words of somebody's own. */
const FREE: ReadonlySet<string> = new Set(['subject', 'body', 'place', 'firstName', 'lastName', 'company', 'department', 'jobTitle', 'assistant'])
/** A day is the same day in every zone. */
const dayText = (day: string, { language }: Speech) => new Intl.DateTimeFormat(language === 'en' ? 'en-GB' : language, { dateStyle: 'medium', timeZone: 'UTC' }).format(new Date(`${day}T00:00:00Z`))

/** A field's value as a person reads it. */
export function valueText(value: unknown, field: string, speech: Speech): string {
  const { t, maybe, zone, language } = speech
  if (value === undefined || value === null || value === '') return field === 'reminder' && value === null ? t('value.noReminder') : t('attention.empty')
  if (typeof value === 'number') return field === 'reminder' ? t('value.minutesBefore', { n: value }) : String(value)
  if (typeof value === 'string') return FREE.has(field) ? value : DAY.test(value) ? dayText(value, speech) : maybe(`value.${value}`, value)
  if (typeof value === 'boolean') return t(value ? 'value.yes' : 'value.no')
  if (Array.isArray(value)) return value.length === 0 ? t('attention.empty') : value.map((one: unknown) => (isPerson(one) ? personText(one, speech) : String(one))).join(', ')
  if (isPerson(value)) return personText(value, speech)
  if (typeof value === 'object' && 'allDay' in value) {
    const time = value as { allDay: boolean; start?: string; end?: string; firstDay?: string; lastDay?: string }
    if (time.allDay) return `${t('availability.allDay')}, ${dayText(time.firstDay ?? '', speech)}${time.firstDay === time.lastDay ? '' : ` – ${dayText(time.lastDay ?? '', speech)}`}`
    const format = new Intl.DateTimeFormat(language === 'en' ? 'en-GB' : language, { dateStyle: 'medium', timeStyle: 'short', timeZone: zone })
    return format.formatRange(new Date(time.start ?? 0), new Date(time.end ?? 0))
  }
  if (typeof value === 'object') return Object.values(value).filter((part) => typeof part === 'string' && part !== '').join(', ') || t('attention.empty')
  return String(value)
}

interface Person { readonly name: string; readonly address: string; readonly answer?: string }
const isPerson = (value: unknown): value is Person => typeof value === 'object' && value !== null && 'address' in value && 'name' in value

/** With the answer, where somebody gave one. */
function personText({ name, address, answer }: Person, { maybe }: Speech): string {
  const who = name === '' || name === address ? address : `${name} <${address}>`
  return answer === undefined || answer === 'none' ? who : `${who} (${maybe(`value.${answer}`, answer)})`
}

const DAY = /^\d{4}-\d\d-\d\d$/

type Content = Record<string, unknown> | null

/** What a write changed, field by field. */
export function Changes({ before, after }: { before: Content; after: Content }) {
  const speech = useSpeech()
  const { t, maybe } = speech
  const names = [...new Set([...Object.keys(after ?? {}), ...Object.keys(before ?? {})])].filter((name) => !isBlank(after?.[name]) || !isBlank(before?.[name]))
  if (names.length === 0) return <Text size="sm" c="dimmed">–</Text>
  return (
    <>
      <Box visibleFrom="sm">
        <Table withRowBorders verticalSpacing={6} fz="sm" layout="fixed">
          <Table.Thead><Table.Tr><Table.Th w={130}><span className="hidden-text">{t('connect.what')}</span></Table.Th><Table.Th>{t('activity.before')}</Table.Th><Table.Th>{t('activity.after')}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {names.map((name) => (
              <Table.Tr key={name}>
                <Table.Th scope="row" fw={500}>{maybe(`field.${name}`, name)}</Table.Th>
                <Table.Td className="wrap before">{before === null ? '–' : valueText(before[name], name, speech)}</Table.Td>
                <Table.Td className="wrap after">{after === null ? '–' : valueText(after[name], name, speech)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Box>
      <Stack hiddenFrom="sm" gap="xs">
        {names.map((name) => (
          <Box key={name}>
            <Text size="xs" c="dimmed" fw={600}>{maybe(`field.${name}`, name)}</Text>
            {before !== null && <Text size="sm" className="wrap before">{valueText(before[name], name, speech)}</Text>}
            {after !== null && <Text size="sm" className="wrap after">{valueText(after[name], name, speech)}</Text>}
          </Box>
        ))}
      </Stack>
    </>
  )
}

const isBlank = (value: unknown) => value === undefined || value === '' || (Array.isArray(value) && value.length === 0)
