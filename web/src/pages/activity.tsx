import { Badge, Box, Button, Collapse, Group, Loader, Select, Stack, Tabs, Text, TextInput, ThemeIcon } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useSearchParams } from 'wouter'
import type { LogEntries, UserPage, Why, Write, Writes } from '../../../src/http/api-types.ts'
import { api } from '../api.ts'
import { useSpeech } from '../i18n/index.tsx'
import { Ago, Empty, Loaded, PageHead, Trouble } from '../parts/basics.tsx'
import { Icon } from '../parts/icons.tsx'
import { Changes } from '../parts/values.tsx'
import { useSession } from '../session.ts'

export default function Activity() {
  const { t } = useSpeech()
  const { session } = useSession()
  const isAdmin = (session.seeAs ?? session.user)?.admin === true
  return (
    <>
      <PageHead title={t('activity.title')} text={isAdmin ? t('activity.text') : t('activity.mine')} />
      <Tabs defaultValue="writes" keepMounted={false}>
        <Tabs.List mb="md"><Tabs.Tab value="writes">{t('activity.writes')}</Tabs.Tab><Tabs.Tab value="why">{t('activity.why')}</Tabs.Tab><Tabs.Tab value="panel">{t('activity.panel')}</Tabs.Tab></Tabs.List>
        <Tabs.Panel value="writes"><WriteList isAdmin={isAdmin} /></Tabs.Panel>
        <Tabs.Panel value="why"><WhyForm /></Tabs.Panel>
        <Tabs.Panel value="panel"><PanelLog /></Tabs.Panel>
      </Tabs>
    </>
  )
}

const KINDS = ['event', 'task', 'contact'] as const
const SIDES = ['crm', 'exchange'] as const
const TYPES = ['create', 'update', 'delete'] as const
const STATES = ['done', 'failed', 'open'] as const

function WriteList({ isAdmin }: { isAdmin: boolean }) {
  const { t } = useSpeech()
  const [query, setQuery] = useSearchParams()
  const filter = Object.fromEntries(['user', 'kind', 'side', 'type', 'state', 'from', 'to'].map((name) => [name, query.get(name)]))
  const [search, setSearch] = useState(query.get('search') ?? '')
  const [needle] = useDebouncedValue(search, 300)
  const day = (value: string | null | undefined, end: boolean) => (value ? new Date(`${value}T${end ? '23:59:59' : '00:00:00'}`).toISOString() : null)
  const asked = { ...filter, search: needle, from: day(filter['from'], false), to: day(filter['to'], true) }
  const writes = useInfiniteQuery({
    queryKey: ['activity', 'writes', asked],
    queryFn: ({ pageParam }) => api.get<Writes>('/activity', { ...asked, before: pageParam, limit: 40 }),
    initialPageParam: null as number | null,
    getNextPageParam: (last) => last.next,
    placeholderData: (before) => before,
  })
  const set = (name: string, value: string | null) => setQuery((before) => {
    const next = new URLSearchParams(before)
    if (value === null || value === '') next.delete(name)
    else next.set(name, value)
    return next
  }, { replace: true })
  const choice = <T extends string>(name: string, label: string, values: readonly T[], text: (one: T) => string) => (
    <Select aria-label={label} placeholder={label} clearable size="sm" w={{ base: '47%', sm: 140 }} value={filter[name] ?? null} onChange={(value) => set(name, value)} data={values.map((one) => ({ value: one, label: text(one) }))} />
  )
  const rows = writes.data?.pages.flatMap((page) => page.rows) ?? []
  return (
    <Box className="panel-card">
      <Group p="sm" gap="xs">
        <TextInput type="search" aria-label={t('app.search')} placeholder={t('activity.search')} leftSection={<Icon name="search" size={16} />} value={search} onChange={(event) => setSearch(event.currentTarget.value)} flex="1 1 280px" />
        {isAdmin && <UserChoice value={filter['user'] ?? null} set={(value) => set('user', value)} />}
        {choice('kind', t('activity.kind'), KINDS, (one) => t(`kind.${one}`))}
        {choice('side', t('activity.side'), SIDES, (one) => t(`side.${one}`))}
        {choice('type', t('activity.type'), TYPES, (one) => t(`type.${one}`))}
        {choice('state', t('activity.state'), STATES, (one) => t(`state.${one}`))}
        <TextInput type="date" aria-label={t('activity.from')} leftSection={<span className="prefix">{t('activity.from')}</span>} leftSectionWidth={52} size="sm" w={{ base: '100%', sm: 190 }} value={filter['from'] ?? ''} onChange={(event) => set('from', event.currentTarget.value)} />
        <TextInput type="date" aria-label={t('activity.to')} leftSection={<span className="prefix">{t('activity.to')}</span>} leftSectionWidth={52} size="sm" w={{ base: '100%', sm: 190 }} value={filter['to'] ?? ''} onChange={(event) => set('to', event.currentTarget.value)} />
      </Group>
      <Loaded query={writes}>{() => rows.length === 0
        ? <Empty icon="activity" title={t('activity.none')} text={t('activity.noneText')} />
        : (
          <>
            <Box component="ul" className="plain">{rows.map((row) => <WriteRow key={row.id} row={row} withUser={isAdmin} />)}</Box>
            {writes.hasNextPage && <Group justify="center" p="md"><Button variant="default" loading={writes.isFetchingNextPage} onClick={() => void writes.fetchNextPage()}>{t('app.loadMore')}</Button></Group>}
          </>
        )}</Loaded>
    </Box>
  )
}

function UserChoice({ value, set }: { value: string | null; set: (value: string | null) => void }) {
  const { t } = useSpeech()
  const [search, setSearch] = useState('')
  const users = useQuery({ queryKey: ['lanes', 'names', search], queryFn: () => api.get<UserPage>('/users', { search, connected: true, limit: 50, sort: 'name' }) })
  const names = users.data?.rows.map(({ name, fullName }) => ({ value: name, label: fullName || name })) ?? []
  const data = value !== null && !names.some((one) => one.value === value) ? [...names, { value, label: value }] : names
  return <Select aria-label={t('activity.user')} placeholder={t('activity.user')} clearable searchable size="sm" w={{ base: '47%', sm: 160 }} value={value} onChange={set} data={data} onSearchChange={(text) => setSearch(data.some(({ label }) => label === text) ? '' : text)} />
}

export function WriteRow({ row, withUser }: { row: Write; withUser: boolean }) {
  const { t, maybe, said } = useSpeech()
  const [opened, setOpened] = useState(false)
  const title = row.title ?? t('activity.untitled')
  const detail = `write-${row.id}`
  return (
    <li className="entry">
      <button type="button" className="entry-button" aria-expanded={opened} aria-controls={detail} onClick={() => setOpened(!opened)}>
        <Group wrap="nowrap" gap="sm" align="flex-start">
          <ThemeIcon variant="light" color={row.state === 'failed' ? 'red' : row.type === 'delete' ? 'orange' : 'blue'} radius="xl" size={34}><Icon name={row.kind} size={17} /></ThemeIcon>
          <Box flex={1} miw={0}>
            <Text size="sm" lineClamp={2}><b>{title}</b> <span>{t(`type.${row.type}`)}</span> <span className="dim">→ {t(`side.${row.side}`)}</span></Text>
            <Text size="xs" c="dimmed" lineClamp={2}>{withUser && row.user !== null ? `${row.user} · ` : ''}{said(row.reason)}</Text>
          </Box>
          <Stack gap={2} align="flex-end"><Text size="xs" c="dimmed" ta="right" component="div"><Ago at={row.at} /></Text>{row.state !== 'done' && <Badge size="sm" className="standing-badge" variant="light" color={row.state === 'failed' ? 'red' : 'blue'} tt="none">{t(`state.${row.state}`)}</Badge>}</Stack>
        </Group>
      </button>
      <Collapse expanded={opened} id={detail}>
        <Box px="md" pb="md" pl={{ base: 'md', sm: 62 }}>
          <Changes before={row.before} after={row.after} />
          <Text size="xs" c="dimmed" mt="sm" className="wrap">
            {t('activity.reason')}: {said(row.reason)}{row.outcome !== null && row.state === 'failed' ? `. ${t('activity.outcome')}: ${maybe(`code.${row.outcome}`, said(row.outcome))}` : ''}
            {row.untold !== null && <><br />{t('attention.untoldPeople')}: {row.untold.map(({ name, address }) => name || address).join(', ')}</>}
            {row.record !== null && <><br />{t('activity.record')}: {row.record}</>}{row.mailbox !== null && <><br />{t('users.mailbox')}: {row.mailbox}</>}
          </Text>
        </Box>
      </Collapse>
    </li>
  )
}

function WhyForm() {
  const { t, moment, maybe, said } = useSpeech()
  const [item, setItem] = useState('')
  const [asked, setAsked] = useState<string | null>(null)
  const why = useQuery({ queryKey: ['attention', 'why', asked], queryFn: () => api.get<Why>('/why', { item: asked ?? '' }), enabled: asked !== null })
  return (
    <Box className="panel-card" p="md">
      <form onSubmit={(event) => { event.preventDefault(); setAsked(item.trim() === '' ? null : item.trim()) }}>
        <Group align="flex-end" gap="sm"><TextInput label={t('activity.why')} description={t('activity.whyText')} value={item} onChange={(event) => setItem(event.currentTarget.value)} flex="1 1 300px" /><Button type="submit">{t('activity.ask')}</Button></Group>
      </form>
      {why.isFetching && why.data === undefined && <Loader size="sm" mt="md" />}
      {why.error !== null && <Box mt="md"><Trouble error={why.error} /></Box>}
      {why.data !== undefined && (
        <Stack gap="xs" mt="md" role="status">
          {!why.data.found && <Text size="sm">{t('activity.unknown')}</Text>}
          {why.data.copies.map((copy) => <Text key={copy.item} size="sm" className="wrap"><b>{copy.title || t(`kind.${copy.kind}`)}</b> – {t('activity.whyLinked', { record: copy.record, mailbox: copy.mailbox ?? '?' })}</Text>)}
          {why.data.skips.map((skip) => <Text key={skip.side + (skip.mailbox ?? '')} size="sm" className="wrap">{t('activity.whySkipped', { why: maybe(`skip.${skip.reason}`, skip.why) })} <span className="dim">({skip.mailbox})</span></Text>)}
          {why.data.waiting.map((one) => <Text key={one.side + (one.mailbox ?? '')} size="sm" className="wrap">{t('activity.whyWaiting', { time: moment(one.dueAt), error: one.error === null ? '' : `: ${said(one.error)}` })} <span className="dim">({one.mailbox})</span></Text>)}
          {why.data.held.map((one) => <Text key={one.id} size="sm" className="wrap">{t('activity.whyHeld', { reason: said(one.reason) })}</Text>)}
        </Stack>
      )}
    </Box>
  )
}

function PanelLog() {
  const { t, maybe } = useSpeech()
  const log = useQuery({ queryKey: ['activity', 'panel'], queryFn: () => api.get<LogEntries>('/activity/panel', { limit: 100 }) })
  return (
    <Box className="panel-card"><Loaded query={log}>{({ rows }) => rows.length === 0
      ? <Empty icon="activity" title={t('activity.panelNone')} />
      : <Box component="ul" className="plain">{rows.map((row) => (
          <Box component="li" key={row.id} className="user-card"><Group justify="space-between" wrap="nowrap" align="flex-start"><Text size="sm" className="wrap"><b>{row.userName}</b> {maybe(`action.${row.action}`, row.action)} <span className="dim">{row.subject}</span></Text><Text size="xs" c="dimmed" component="div"><Ago at={row.at} /></Text></Group></Box>
        ))}</Box>}</Loaded></Box>
  )
}
