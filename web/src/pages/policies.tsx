import { Badge, Box, Button, Grid, Group, List, NumberInput, Select, Stack, Switch, Table, Tabs, Text, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { CompanyPolicy, Effective, EffectivePage } from '../../../src/http/api-types.ts'
import { api } from '../api.ts'
import { useSpeech } from '../i18n/index.tsx'
import type { Key } from '../i18n/index.tsx'
import { Confirm, useAct } from '../parts/ask.tsx'
import { Empty, Loaded, PageHead, Pager } from '../parts/basics.tsx'
import { Icon } from '../parts/icons.tsx'

export default function Policies() {
  const { t } = useSpeech()
  const policy = useQuery({ queryKey: ['policy'], queryFn: () => api.get<CompanyPolicy>('/policy') })
  return (
    <>
      <PageHead title={t('policies.title')} text={t('policies.text')} />
      <Tabs defaultValue="company" keepMounted={false}>
        <Tabs.List mb="md"><Tabs.Tab value="company">{t('policies.company')}</Tabs.Tab><Tabs.Tab value="users">{t('policies.users')}</Tabs.Tab></Tabs.List>
        <Tabs.Panel value="company"><Loaded query={policy}>{(data) => <Company key={JSON.stringify(data)} data={data} saved={() => void policy.refetch()} />}</Loaded></Tabs.Panel>
        <Tabs.Panel value="users"><EachUser /></Tabs.Panel>
      </Tabs>
    </>
  )
}

type Policy = CompanyPolicy['policy']

/** What lets a server write mails. */
const MAILING: readonly { readonly text: Key; readonly isOn: (policy: Policy) => boolean }[] = [
  { text: 'policies.mails.meetings', isOn: ({ meetings }) => meetings === 'exchange' },
  { text: 'policies.mails.updates', isOn: ({ sendMeetingUpdates }) => sendMeetingUpdates },
  { text: 'policies.mails.cancel', isOn: ({ cancelMeetings }) => cancelMeetings },
  { text: 'policies.mails.answers', isOn: ({ answers }) => answers === 'mail' },
  { text: 'policies.mails.contacts', isOn: ({ inviteContacts }) => inviteContacts },
]

const DIRECTIONS = ['both', 'to-crm', 'to-exchange', 'off'] as const

function Company({ data, saved }: { data: CompanyPolicy; saved: () => void }) {
  const { t } = useSpeech()
  const [sync, setSync] = useState(data.sync)
  const [policy, setPolicy] = useState(data.policy)
  const changed = JSON.stringify([sync, policy]) !== JSON.stringify([data.sync, data.policy])
  const [sure, setSure] = useState(false)
  const save = useAct(() => api.put('/policy', { sync, policy }), { done: t('app.saved'), then: saved })
  const mailing = MAILING.filter(({ isOn }) => isOn(policy) && !isOn(data.policy))
  const number = (value: string | number, otherwise: number) => (typeof value === 'number' ? value : otherwise)
  const choice = <T extends string>(label: string, value: T, values: readonly T[], text: (one: T) => string, set: (one: T) => void) => (
    <Select label={label} allowDeselect={false} value={value} data={values.map((one) => ({ value: one, label: text(one) }))} onChange={(one) => one !== null && set(one as T)} />
  )
  return (
    <form onSubmit={(event) => { event.preventDefault(); if (mailing.length > 0) setSure(true); else save.mutate(undefined) }}>
      <Stack gap="md">
        {!data.fromPanel && <Text size="sm" c="dimmed">{t('policies.fromFile')}</Text>}
        <Section title={t('policies.directions')}>
          <Grid><Grid.Col span={{ base: 12, sm: 4 }}>{choice(t('kind.events'), sync.events, DIRECTIONS, (one) => t(`direction.${one}`), (events) => setSync({ ...sync, events }))}</Grid.Col>
            <Grid.Col span={{ base: 12, sm: 4 }}>{choice(t('kind.tasks'), sync.tasks, DIRECTIONS, (one) => t(`direction.${one}`), (tasks) => setSync({ ...sync, tasks }))}</Grid.Col>
            <Grid.Col span={{ base: 12, sm: 4 }}>{choice(t('kind.contacts'), sync.contacts, ['to-exchange', 'off'] as const, (one) => t(`direction.${one}`), (contacts) => setSync({ ...sync, contacts }))}</Grid.Col></Grid>
        </Section>
        <Section title={t('policies.window')}>
          <Grid><Grid.Col span={{ base: 6, sm: 4 }}><NumberInput label={t('policies.pastDays')} min={0} max={3650} value={sync.pastDays} onChange={(value) => setSync({ ...sync, pastDays: number(value, sync.pastDays) })} /></Grid.Col>
            <Grid.Col span={{ base: 6, sm: 4 }}><NumberInput label={t('policies.futureDays')} min={1} max={3650} value={sync.futureDays} onChange={(value) => setSync({ ...sync, futureDays: number(value, sync.futureDays) })} /></Grid.Col></Grid>
        </Section>
        <Section title={t('policies.rules')}>
          <Grid><Grid.Col span={{ base: 12, sm: 6 }}>{choice(t('policies.conflict'), policy.conflict, ['newest', 'crm', 'exchange', 'ask'] as const, (one) => t(`policies.conflict.${one}`), (conflict) => setPolicy({ ...policy, conflict }))}</Grid.Col>
            <Grid.Col span={{ base: 12, sm: 6 }}>{choice(t('policies.private'), policy.privateItems, ['mask', 'skip', 'full'] as const, (one) => t(`policies.private.${one}`), (privateItems) => setPolicy({ ...policy, privateItems }))}</Grid.Col>
            <Grid.Col span={{ base: 12, sm: 6 }}>{choice(t('policies.completion'), policy.groupCompletion, ['any', 'all', 'own'] as const, (one) => t(`policies.completion.${one}`), (groupCompletion) => setPolicy({ ...policy, groupCompletion }))}</Grid.Col>
            <Grid.Col span={{ base: 12, sm: 6 }}>{choice(t('policies.contacts'), policy.contacts, ['leave', 'crm-wins'] as const, (one) => t(`policies.contacts.${one}`), (contacts) => setPolicy({ ...policy, contacts }))}</Grid.Col></Grid>
        </Section>
        <Meetings policy={policy} set={setPolicy} choice={choice} />
        <Section title={t('policies.limit')}>
          <Grid align="flex-end"><Grid.Col span={{ base: 12, sm: 4 }}><NumberInput label={t('policies.limitCount')} min={0} value={policy.deletionLimit.count} onChange={(value) => setPolicy({ ...policy, deletionLimit: { ...policy.deletionLimit, count: number(value, policy.deletionLimit.count) } })} /></Grid.Col>
            <Grid.Col span={{ base: 12, sm: 4 }}><NumberInput label={t('policies.limitPercent')} min={0} max={100} value={policy.deletionLimit.percent} onChange={(value) => setPolicy({ ...policy, deletionLimit: { ...policy.deletionLimit, percent: number(value, policy.deletionLimit.percent) } })} /></Grid.Col>
            <Grid.Col span={{ base: 12, sm: 4 }}><NumberInput label={t('policies.grace')} min={0} max={86_400} value={policy.deletionGraceSeconds} onChange={(value) => setPolicy({ ...policy, deletionGraceSeconds: number(value, policy.deletionGraceSeconds) })} /></Grid.Col></Grid>
        </Section>
        <Group gap="sm"><Button type="submit" disabled={!changed} loading={save.isPending}>{t('app.save')}</Button>{changed && <Text size="sm" c="dimmed" role="status">{t('app.unsaved')}</Text>}</Group>
      </Stack>
      <Confirm opened={sure} title={t('policies.mailsTitle')} text={t('policies.mailsText')} action={t('policies.mailsSure')} busy={save.isPending} onClose={() => setSure(false)} onConfirm={() => { setSure(false); save.mutate(undefined) }}>
        <List size="sm" mt="sm">{mailing.map(({ text }) => <List.Item key={text}>{t(text)}</List.Item>)}</List>
      </Confirm>
    </form>
  )
}

type Choice = <T extends string>(label: string, value: T, values: readonly T[], text: (one: T) => string, set: (one: T) => void) => React.ReactNode

function Meetings({ policy, set, choice }: { policy: Policy; set: (policy: Policy) => void; choice: Choice }) {
  const { t } = useSpeech()
  const half = { base: 12, sm: 6 }
  const toggle = (name: 'sendMeetingUpdates' | 'cancelMeetings' | 'inviteContacts') => (
    <Grid.Col span={12}><Switch label={t(`policies.${name}`)} description={t(`policies.${name}.help`)} checked={policy[name]} onChange={(event) => set({ ...policy, [name]: event.currentTarget.checked })} /></Grid.Col>
  )
  return (
    <Section title={t('policies.meetingsTitle')}>
      <Grid>
        <Grid.Col span={half}>{choice(t('policies.meetings'), policy.meetings, ['copies', 'exchange'] as const, (one) => t(`policies.meetings.${one}`), (meetings) => set({ ...policy, meetings }))}</Grid.Col>
        <Grid.Col span={half}>{choice(t('policies.answers'), policy.answers, ['silent', 'mail'] as const, (one) => t(`policies.answers.${one}`), (answers) => set({ ...policy, answers }))}</Grid.Col>
        <Grid.Col span={half}>{choice(t('policies.foreignDeletion'), policy.foreignDeletion, ['restore', 'hide'] as const, (one) => t(`policies.foreignDeletion.${one}`), (foreignDeletion) => set({ ...policy, foreignDeletion }))}</Grid.Col>
        <Grid.Col span={half}>{choice(t('policies.pastEvents'), policy.pastEvents, ['keep', 'delete'] as const, (one) => t(`policies.pastEvents.${one}`), (pastEvents) => set({ ...policy, pastEvents }))}</Grid.Col>
        {toggle('sendMeetingUpdates')}
        {toggle('cancelMeetings')}
        {toggle('inviteContacts')}
      </Grid>
    </Section>
  )
}

const Section = ({ title, children }: { title: string; children: React.ReactNode }) => <Box className="panel-card" p="md" component="section"><Text component="h2" fw={650} size="md" m={0} mb="sm">{title}</Text>{children}</Box>

const LIMIT = 25

function EachUser() {
  const { t } = useSpeech()
  const [search, setSearch] = useState('')
  const [needle] = useDebouncedValue(search, 250)
  const [offset, setOffset] = useState(0)
  const page = useQuery({ queryKey: ['lanes', 'effective', needle, offset], queryFn: () => api.get<EffectivePage>('/policy/users', { search: needle, offset, limit: LIMIT }) })
  return (
    <Box className="panel-card">
      <Box p="sm"><TextInput type="search" aria-label={t('users.search')} placeholder={t('users.search')} leftSection={<Icon name="search" size={16} />} value={search} onChange={(event) => { setSearch(event.currentTarget.value); setOffset(0) }} maw={360} /></Box>
      <Loaded query={page}>{({ total, rows }) => total === 0
        ? <Empty icon="policies" title={t('policies.none')} text={t('policies.noneText')} />
        : (
          <>
            <Table.ScrollContainer minWidth={640}><Table verticalSpacing="sm">
              <Table.Thead><Table.Tr><Table.Th>{t('users.user')}</Table.Th><Table.Th>{t('policies.directions')}</Table.Th><Table.Th>{t('policies.window')}</Table.Th><Table.Th>{t('policies.private')}</Table.Th></Table.Tr></Table.Thead>
              <Table.Tbody>{rows.map((row) => (
                <Table.Tr key={row.id}>
                  <Table.Td><Text size="sm" fw={600}>{row.fullName || row.name}</Text><Text size="xs" c="dimmed">{row.name}</Text></Table.Td>
                  <Table.Td><Directions policy={row.policy} own={row.own.includes('direction')} /></Table.Td>
                  <Table.Td><Text size="sm">−{row.policy.pastDays} / +{row.policy.futureDays} <Own when={row.own.includes('pastDays') || row.own.includes('futureDays')} /></Text><Limits policy={row.policy} /></Table.Td>
                  <Table.Td><Text size="sm">{row.policy.availabilityOnly ? t('me.availabilityOnly') : t(`policies.private.${row.policy.privateItems}`)} <Own when={row.own.includes(row.policy.availabilityOnly ? 'availabilityOnly' : 'privateItems')} />{row.policy.availabilityOnly && !row.own.includes('availabilityOnly') && <Text span size="xs" c="dimmed">({t('policies.byAdmin')})</Text>}</Text></Table.Td>
                </Table.Tr>
              ))}</Table.Tbody>
            </Table></Table.ScrollContainer>
            <Pager offset={offset} limit={LIMIT} total={total} onChange={setOffset} />
          </>
        )}</Loaded>
    </Box>
  )
}

function Own({ when }: { when: boolean }) {
  const { t } = useSpeech()
  return when ? <Badge size="xs" variant="light" tt="none" className="standing-badge">{t('policies.own')}</Badge> : null
}

function Directions({ policy, own }: { policy: Effective; own: boolean }) {
  const { t } = useSpeech()
  return <>{(['event', 'task', 'contact'] as const).map((kind) => <Text key={kind} size="sm">{t(`kind.${kind}s`)}: {t(`direction.${policy.direction[kind]}`)}</Text>)}<Own when={own} /></>
}

function Limits({ policy: { categories, since } }: { policy: Effective }) {
  const { t, moment } = useSpeech()
  return (
    <>
      {categories.only.length > 0 && <Text size="xs" c="dimmed">{t('me.only')}: {categories.only.join(', ')}</Text>}
      {categories.except.length > 0 && <Text size="xs" c="dimmed">{t('me.except')}: {categories.except.join(', ')}</Text>}
      {since !== null && <Text size="xs" c="dimmed">{t('policies.since', { time: moment(since) })}</Text>}
    </>
  )
}
