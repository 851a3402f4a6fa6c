import { ActionIcon, Box, Button, Group, SegmentedControl, Stack, Text, TextInput, Tooltip } from '@mantine/core'
import { useDebouncedValue, useMediaQuery } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { Availability as Page } from '../../../src/http/api-types.ts'
import { api } from '../api.ts'
import { useSpeech } from '../i18n/index.tsx'
import { Empty, Loaded, PageHead, Pager } from '../parts/basics.tsx'
import { Icon } from '../parts/icons.tsx'

const DAY = 86_400_000
const LIMIT = 20
const KINDS = ['busy', 'tentative', 'oof', 'workingElsewhere'] as const

/** Midnight of a day in a zone. */
function midnight(at: number, zone: string): number {
  const parts = Object.fromEntries(new Intl.DateTimeFormat('en-US', { timeZone: zone, hour12: false, year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' }).formatToParts(new Date(at)).map(({ type, value }) => [type, Number(value)]))
  return at - (((parts['hour'] ?? 0) % 24) * 3_600_000 + (parts['minute'] ?? 0) * 60_000 + (parts['second'] ?? 0) * 1000 + (at % 1000))
}

export default function Availability() {
  const { t, moment, zone } = useSpeech()
  const [days, setDays] = useState(7)
  const [at, setAt] = useState(() => Date.now())
  const [search, setSearch] = useState('')
  const [needle] = useDebouncedValue(search, 250)
  const [offset, setOffset] = useState(0)
  const from = midnight(at, zone)
  const to = from + days * DAY
  const page = useQuery({ queryKey: ['activity', 'availability', from, to, needle, offset], queryFn: () => api.get<Page>('/availability', { from: new Date(from).toISOString(), to: new Date(to).toISOString(), search: needle, offset, limit: LIMIT }) })
  const isNarrow = useMediaQuery('(max-width: 640px)') === true
  const slots = days === 1 ? 24 : days
  const ticks = days === 1 ? [0, 3, 6, 9, 12, 15, 18, 21].map((hour) => ({ at: from + hour * 3_600_000, share: hour / 24, label: `${hour}:00` })) : Array.from({ length: days }, (_, day) => ({ at: from + day * DAY, share: (day + 0.5) / days, label: moment(from + day * DAY + DAY / 2, isNarrow ? 'weekday' : 'day') }))
  const label = (one: string) => t(`availability.${KINDS.find((kind) => kind === one) ?? 'busy'}`)
  return (
    <>
      <PageHead title={t('availability.title')} text={t('availability.text')}>
        <SegmentedControl aria-label={t('availability.title')} value={String(days)} onChange={(value) => setDays(Number(value))} data={[{ value: '1', label: t('availability.day') }, { value: '7', label: t('availability.week') }]} />
        <ActionIcon variant="default" size="lg" aria-label={t('availability.previous')} onClick={() => setAt(at - days * DAY)}><Icon name="left" size={16} /></ActionIcon>
        <Button variant="default" onClick={() => setAt(Date.now())}>{t('availability.today')}</Button>
        <ActionIcon variant="default" size="lg" aria-label={t('availability.next')} onClick={() => setAt(at + days * DAY)}><Icon name="right" size={16} /></ActionIcon>
      </PageHead>
      <Box className="panel-card" p="md">
        <Group justify="space-between" mb="md" gap="sm">
          <TextInput type="search" aria-label={t('users.search')} placeholder={t('users.search')} leftSection={<Icon name="search" size={16} />} value={search} onChange={(event) => { setSearch(event.currentTarget.value); setOffset(0) }} flex="1 1 220px" maw={340} />
          <Text fw={600} size="sm">{days === 1 ? moment(from, 'date') : `${moment(from, 'date')} – ${moment(to - 1000, 'date')}`}</Text>
        </Group>
        <Loaded query={page}>{({ total, rows }) => total === 0
          ? <Empty icon="availability" title={t('availability.none')} />
          : (
            <Stack gap={8}>
              <div className="line-row" aria-hidden="true"><span /><div className="hours">{ticks.map((tick) => <span key={tick.at} style={{ left: `${tick.share * 100}%` }}>{tick.label}</span>)}</div></div>
              {rows.map((person) => (
                <div className="line-row" key={person.id}>
                  <Text size="sm" fw={600} lineClamp={2}>{person.fullName}</Text>
                  <div className="lane" style={{ '--slots': slots } as React.CSSProperties} role="list" aria-label={`${person.fullName}: ${person.blocks.length === 0 ? t('availability.free') : t('availability.blocks', { n: person.blocks.length })}`}>
                    {person.blocks.map((block) => {
                      const start = Math.max(from, block.allDay ? midnight(Date.parse(block.start) + DAY / 2, zone) : Date.parse(block.start))
                      const end = Math.min(to, block.allDay ? midnight(Date.parse(block.end) - DAY / 2, zone) + DAY : Date.parse(block.end))
                      if (end <= start) return null
                      const words = `${label(block.freeBusy)}, ${block.allDay ? t('availability.allDay') : `${moment(block.start)} – ${moment(block.end, 'time')}`}`
                      return <Tooltip key={block.start + block.end} label={words}><div role="listitem" aria-label={words} className={`block ${block.freeBusy}${block.allDay ? ' allDay' : ''}`} style={{ left: `${((start - from) / (to - from)) * 100}%`, width: `${((end - start) / (to - from)) * 100}%` }} /></Tooltip>
                    })}
                  </div>
                </div>
              ))}
              <Pager offset={offset} limit={LIMIT} total={total} onChange={setOffset} />
              <Group gap="lg" mt="sm">{KINDS.map((kind) => <Group key={kind} gap={6}><span className={`block ${kind}`} style={{ position: 'static', width: 16, height: 12, display: 'inline-block' }} aria-hidden="true" /><Text size="xs" c="dimmed">{t(`availability.${kind}`)}</Text></Group>)}</Group>
            </Stack>
          )}</Loaded>
      </Box>
    </>
  )
}
