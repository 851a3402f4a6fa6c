import { ActionIcon, Badge, Box, Button, Checkbox, Drawer, Group, Loader, Menu, Progress, Radio, Select, SimpleGrid, Stack, Table, Text, TextInput, UnstyledButton } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useLocation, useSearchParams } from 'wouter'
import type { Standing, Task, TestResult, UserPage, UserRow } from '../../../src/http/api-types.ts'
import { api } from '../api.ts'
import { useSpeech } from '../i18n/index.tsx'
import { Confirm, useAct } from '../parts/ask.tsx'
import { Ago, CheckList, Empty, Loaded, PageHead, Pager, StandingBadge, Trouble } from '../parts/basics.tsx'
import { Icon } from '../parts/icons.tsx'
import { MailboxChoice, useConnections } from '../parts/mailbox-choice.tsx'
import type { Wanted } from '../parts/mailbox-choice.tsx'
import { UserSettings } from '../parts/user-settings.tsx'
import { useSession } from '../session.ts'

const LIMIT = 25
const STANDINGS: readonly Standing[] = ['attention', 'degraded', 'starting', 'healthy', 'paused', 'off']

export default function Users() {
  const { t } = useSpeech()
  const [query, setQuery] = useSearchParams()
  const standing = query.get('standing')
  const [search, setSearch] = useState('')
  const [needle] = useDebouncedValue(search, 250)
  const [offset, setOffset] = useState(0)
  const [selected, setSelected] = useState<ReadonlyMap<string, UserRow>>(new Map())
  const shown = query.get('show')
  const setShown = (id: string | null) => setQuery((before) => { const next = new URLSearchParams(before); if (id === null) next.delete('show'); else next.set('show', id); return next }, { replace: true })
  const [testing, setTesting] = useState<Testing | null>(null)
  const [connection, setConnection] = useState<string | null>(null)
  const connections = useConnections().data?.rows ?? []
  const [asking, setAsking] = useState<{ what: 'disconnect' | 'reset'; rows: readonly UserRow[] } | null>(null)
  const [order, setOrder] = useState<Order>({ sort: 'standing', descending: false })
  const users = useQuery({ queryKey: ['lanes', 'users', needle, standing, order, offset], queryFn: () => api.get<UserPage>('/users', { search: needle, standing, ...order, offset, limit: LIMIT }), refetchInterval: 15_000 })
  const act = useAct((input: { path: string; ids: readonly string[] }) => api.post(`/users/${input.path}`, { ids: input.ids }), { done: t('app.done'), then: () => void users.refetch() })
  const test = useAct(({ rows, wanted }: { rows: readonly UserRow[]; wanted: Wanted }) => api.post<Task>('/users/test', { users: rows.map(({ id }) => ({ id, ...wanted })) }), { then: (task, { wanted }) => setTesting({ id: task.id, ...(wanted.connection === undefined ? {} : { connection: wanted.connection }) }) })
  const toggle = (row: UserRow) => setSelected((before) => { const next = new Map(before); if (!next.delete(row.id)) next.set(row.id, row); return next })
  const rows = [...selected.values()]
  return (
    <>
      <PageHead title={t('users.title')} text={t('users.text')} />
      <Box className="panel-card">
        <Group p="sm" gap="sm">
          <TextInput aria-label={t('users.search')} placeholder={t('users.search')} leftSection={<Icon name="search" size={16} />} value={search} onChange={(event) => { setSearch(event.currentTarget.value); setOffset(0) }} flex="1 1 220px" type="search" />
          <Select aria-label={t('users.filter')} placeholder={`${t('users.filter')}: ${t('app.all')}`} clearable w={200} value={standing} onChange={(value) => { setQuery(value === null ? {} : { standing: value }); setOffset(0); setSelected(new Map()) }} data={STANDINGS.map((value) => ({ value, label: t(`standing.${value}`) }))} />
        </Group>
        <Loaded query={users}>{({ total, rows: page }) => total === 0
          ? <Empty icon="users" title={t('users.none')} text={t('users.noneText')} />
          : (
            <>
              <Box visibleFrom="md"><UserTable page={page} selected={selected} toggle={toggle} setSelected={setSelected} show={setShown} order={order} setOrder={(next) => { setOrder(next); setOffset(0) }} /></Box>
              <Box hiddenFrom="md" component="ul" className="plain">{page.map((row) => <UserCard key={row.id} row={row} checked={selected.has(row.id)} toggle={() => toggle(row)} show={() => setShown(row.id)} />)}</Box>
              <Pager offset={offset} limit={LIMIT} total={total} onChange={setOffset} />
            </>
          )}</Loaded>
      </Box>
      {rows.length > 0 && (
        <Group className="panel-card sticky-bar" p="sm" mt="md" gap="xs" role="toolbar" aria-label={t('users.selected', { n: rows.length })}>
          <Text size="sm" fw={600} mr="auto">{t('users.selected', { n: rows.length })}</Text>
          {connections.length > 1 && <Select size="xs" w={150} aria-label={t('me.choose')} placeholder={t('me.choose')} clearable value={connection} onChange={setConnection} data={connections.map(({ name }) => name)} />}
          <Button size="xs" loading={test.isPending} onClick={() => test.mutate({ rows, wanted: connection === null ? {} : { connection } })}>{t('users.test')} + {t('users.enable')}</Button>
          <Button size="xs" variant="default" onClick={() => act.mutate({ path: 'sync', ids: rows.map(({ id }) => id) })}>{t('users.sync')}</Button>
          <Button size="xs" variant="default" onClick={() => act.mutate({ path: 'pause', ids: rows.map(({ id }) => id) })}>{t('users.pause')}</Button>
          <Button size="xs" variant="default" onClick={() => act.mutate({ path: 'resume', ids: rows.map(({ id }) => id) })}>{t('users.resume')}</Button>
          <Button size="xs" variant="default" onClick={() => setAsking({ what: 'reset', rows })}>{t('users.reset')}</Button>
          <Button size="xs" variant="default" onClick={() => setAsking({ what: 'disconnect', rows })}>{t('users.disconnect')}</Button>
          <ActionIcon variant="subtle" color="gray" aria-label={t('users.clear')} onClick={() => setSelected(new Map())}><Icon name="cross" size={16} /></ActionIcon>
        </Group>
      )}
      <UserDrawer id={shown} close={() => setShown(null)} act={(path, id) => act.mutate({ path, ids: [id] })} test={(row, wanted) => test.mutate({ rows: [row], wanted })} testing={test.isPending} ask={(what, row) => setAsking({ what, rows: [row] })} />
      <TestDrawer testing={testing} close={() => setTesting(null)} enabled={() => { setTesting(null); setSelected(new Map()); void users.refetch() }} />
      {asking?.what === 'disconnect' && (
        <Confirm opened title={t('users.disconnectTitle')} text={t('users.disconnectText')} action={t('users.disconnect')} colour="red" busy={act.isPending} onClose={() => setAsking(null)} onConfirm={() => { act.mutate({ path: 'disconnect', ids: asking.rows.map(({ id }) => id) }); setAsking(null); setShown(null) }} />
      )}
      {asking?.what === 'reset' && <Reset rows={asking.rows} close={() => setAsking(null)} />}
    </>
  )
}

interface TableProps {
  page: readonly UserRow[]
  selected: ReadonlyMap<string, UserRow>
  toggle: (row: UserRow) => void
  setSelected: (next: ReadonlyMap<string, UserRow>) => void
  show: (id: string) => void
  order: Order
  setOrder: (order: Order) => void
}

interface Order {
  readonly sort: 'fullName' | 'mailbox' | 'standing'
  readonly descending: boolean
}

/** A heading that puts the list in its order; once more, the other way round. */
function Sorting({ by, order, setOrder, children }: { by: Order['sort']; order: Order; setOrder: (order: Order) => void; children: string }) {
  const isThis = order.sort === by
  return (
    <Table.Th aria-sort={isThis ? (order.descending ? 'descending' : 'ascending') : 'none'}>
      <UnstyledButton className="sorting" onClick={() => setOrder({ sort: by, descending: isThis && !order.descending })}>{children}<span aria-hidden="true">{isThis ? (order.descending ? ' ↓' : ' ↑') : ''}</span></UnstyledButton>
    </Table.Th>
  )
}

function UserTable({ page, selected, toggle, setSelected, show, order, setOrder }: TableProps) {
  const { t, number } = useSpeech()
  const all = page.every((row) => selected.has(row.id))
  return (
    <Table verticalSpacing="sm" highlightOnHover stickyHeader>
      <Table.Thead>
        <Table.Tr>
          <Table.Th w={40}><Checkbox aria-label={t('users.selectAll')} checked={all} indeterminate={!all && page.some((row) => selected.has(row.id))} onChange={() => setSelected(new Map(all ? [] : [...selected, ...page.map((row) => [row.id, row] as const)]))} /></Table.Th>
          <Sorting by="fullName" order={order} setOrder={setOrder}>{t('users.user')}</Sorting><Sorting by="mailbox" order={order} setOrder={setOrder}>{t('users.mailbox')}</Sorting><Sorting by="standing" order={order} setOrder={setOrder}>{t('users.standing')}</Sorting><Table.Th>{t('users.how')}</Table.Th>
          <Table.Th>{t('users.last')}</Table.Th><Table.Th ta="right" className="short">{t('users.linked')}</Table.Th><Table.Th ta="right" className="short">{t('users.issues')}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {page.map((row) => (
          <Table.Tr key={row.id} {...(selected.has(row.id) ? { bg: 'var(--mantine-primary-color-light)' } : {})}>
            <Table.Td><Checkbox aria-label={t('users.select', { name: row.fullName || row.name })} checked={selected.has(row.id)} onChange={() => toggle(row)} /></Table.Td>
            <Table.Td maw={200}><UnstyledButton onClick={() => show(row.id)}><Text size="sm" fw={600} c="var(--mantine-color-anchor)" lineClamp={2}>{row.fullName || row.name}</Text></UnstyledButton><Text size="xs" c="dimmed" truncate>{row.name}{row.admin ? ` · ${t('users.admin')}` : ''}</Text></Table.Td>
            <Table.Td maw={240}>{row.mailbox === null ? <Text size="sm" c="dimmed" lineClamp={2}>{row.suggested === null ? t('users.noAddress') : t('users.suggested', { mailbox: row.suggested })}</Text> : <Text size="sm" lineClamp={2} className="anywhere">{row.mailbox}</Text>}</Table.Td>
            <Table.Td><StandingBadge standing={row.standing} /></Table.Td>
            <Table.Td><Text size="sm">{t(`transport.${row.transport}`)}</Text></Table.Td>
            <Table.Td>{row.mailbox === null ? <span className="dim">–</span> : <><Text size="sm" className="nowrap">→ {t('side.crm')}: <Ago at={row.lastToCrm} none="–" narrow /></Text><Text size="sm" className="nowrap">→ {t('side.exchange')}: <Ago at={row.lastToExchange} none="–" narrow /></Text></>}</Table.Td>
            <Table.Td ta="right">{number(row.linked)}</Table.Td>
            <Table.Td ta="right">{row.issues > 0 ? <Badge color="red" variant="filled">{row.issues}</Badge> : <span className="dim">0</span>}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  )
}

function UserCard({ row, checked, toggle, show }: { row: UserRow; checked: boolean; toggle: () => void; show: () => void }) {
  const { t } = useSpeech()
  return (
    <li className="user-card">
      <Group wrap="nowrap" align="flex-start" gap="sm">
        <Checkbox mt={2} aria-label={t('users.select', { name: row.fullName || row.name })} checked={checked} onChange={toggle} />
        <UnstyledButton onClick={show} flex={1} miw={0}>
          <Group justify="space-between" gap="xs" wrap="nowrap" align="flex-start"><Text size="sm" fw={600} lineClamp={2}>{row.fullName || row.name}</Text><Box flex="none"><StandingBadge standing={row.standing} /></Box></Group>
          <Text size="xs" c="dimmed" lineClamp={2} mt={4}>{row.mailbox ?? (row.suggested === null ? t('users.noAddress') : t('users.suggested', { mailbox: row.suggested }))}</Text>
        </UnstyledButton>
      </Group>
    </li>
  )
}

function UserDrawer({ id, close, act, test, testing, ask }: { id: string | null; close: () => void; act: (path: string, id: string) => void; test: (row: UserRow, wanted: Wanted) => void; testing: boolean; ask: (what: 'disconnect' | 'reset', row: UserRow) => void }) {
  const { t, number, said } = useSpeech()
  const { seeAs } = useSession()
  const [, go] = useLocation()
  const user = useQuery({ queryKey: ['lanes', 'user', id], queryFn: () => api.get<UserRow>(`/users/${id ?? ''}`), enabled: id !== null })
  return (
    <Drawer opened={id !== null} onClose={close} position="right" size="md" title={t('users.details')} closeButtonProps={{ 'aria-label': t('app.close') }}>
      {id !== null && (
        <Loaded query={user}>{(row) => (
          <Stack gap="md">
            <Box>
              <Group justify="space-between" wrap="nowrap" align="flex-start"><Text fw={650} size="lg" className="wrap">{row.fullName || row.name}</Text><StandingBadge standing={row.standing} /></Group>
              <Text size="sm" c="dimmed">{row.name}, {row.zone}</Text>
              <Text size="sm">{row.mailbox ?? (row.suggested === null ? t('users.noAddress') : t('users.suggested', { mailbox: row.suggested }))}{row.ownCredentials ? ` (${t('users.ownPassword')})` : ''}</Text>
            </Box>
            {row.error !== null && (
              <Box className="panel-card" p="sm">
                <Text size="sm" fw={600}>{t('users.error')}</Text>
                <Text size="sm" className="wrap" c="dimmed">{said(row.error.message, row.error.code)}</Text>
                {row.cure !== null && <><Text size="sm" fw={600} mt="sm">{t('users.cure')}</Text><Text className="cure wrap">{said(row.cure)}</Text></>}
                {row.retryAt !== null && <Text size="xs" c="dimmed" mt="sm"><Retry at={row.retryAt} /></Text>}
              </Box>
            )}
            {row.mailbox !== null && !row.firstSyncDone && <Box><Text size="sm" fw={600}>{t('users.firstSync')}</Text><Progress mt={6} value={(100 * row.linked) / Math.max(1, row.linked + row.waiting)} animated aria-label={t('users.firstSync')} /><Text size="xs" c="dimmed" mt={4}>{t('users.firstSyncText', { linked: number(row.linked), waiting: number(row.waiting) })}</Text></Box>}
            <SimpleGrid cols={2} spacing="sm">
              <Fact label={t('users.linked')}>{number(row.linked)}</Fact><Fact label={t('users.waiting')}>{number(row.waiting)}</Fact>
              <Fact label={t('users.skipped')}>{number(row.skipped)}</Fact><Fact label={t('users.issues')}>{number(row.issues)}</Fact>
              <Fact label={t('users.lastIn')}><Ago at={row.lastToCrm} /></Fact><Fact label={t('users.lastOut')}><Ago at={row.lastToExchange} /></Fact>
              <Fact label={t('users.how')}>{t(`transport.${row.transport}`)}{row.connection === null ? '' : `, ${row.connection}`}</Fact>
            </SimpleGrid>
            <Group gap="xs">
              {row.mailbox === null
                ? null
                : <>
                    <Button size="sm" onClick={() => act('sync', row.id)}>{t('users.sync')}</Button>
                    <Button size="sm" variant="default" onClick={() => act(row.standing === 'paused' ? 'resume' : 'pause', row.id)}>{row.standing === 'paused' ? t('users.resume') : t('users.pause')}</Button>
                    <Menu><Menu.Target><ActionIcon size="lg" variant="default" aria-label={t('users.actions', { name: row.name })}><Icon name="dots" /></ActionIcon></Menu.Target>
                      <Menu.Dropdown><Menu.Item onClick={() => test(row, {})}>{t('users.test')}</Menu.Item><Menu.Item onClick={() => ask('reset', row)}>{t('users.reset')}</Menu.Item><Menu.Item color="red" onClick={() => ask('disconnect', row)}>{t('users.disconnect')}</Menu.Item></Menu.Dropdown></Menu>
                  </>}
            </Group>
            {(row.mailbox === null || row.error !== null) && <MailboxChoice key={row.id} row={row} test={(wanted) => test(row, wanted)} busy={testing} />}
            {row.mailbox !== null && <UserSettings key={JSON.stringify([row.id, row.aliases, row.availabilityOnly])} row={row} saved={() => void user.refetch()} />}
            <Group gap="xs">
              <Button size="xs" variant="light" leftSection={<Icon name="eye" size={16} />} onClick={() => { close(); seeAs(row.id); go('/my-sync') }}>{t('users.seeAs')}</Button>
              <Button size="xs" variant="light" leftSection={<Icon name="activity" size={16} />} onClick={() => go(`/activity?user=${encodeURIComponent(row.name)}`)}>{t('users.activity')}</Button>
            </Group>
          </Stack>
        )}</Loaded>
      )}
    </Drawer>
  )
}

function Retry({ at }: { at: string }) {
  const { t, ago } = useSpeech()
  return <>{t('users.tries', { time: ago(at) })}</>
}

const Fact = ({ label, children }: { label: string; children: React.ReactNode }) => <Box><Text size="xs" c="dimmed">{label}</Text><Text size="sm" fw={600} component="div">{children}</Text></Box>

/** A test that was begun, and through which connection. */
interface Testing { readonly id: string; readonly connection?: string }

/** Step by step for each mailbox, live; then what passed is connected. */
function TestDrawer({ testing, close, enabled }: { testing: Testing | null; close: () => void; enabled: () => void }) {
  const { t } = useSpeech()
  const id = testing?.id ?? null
  const task = useQuery({ queryKey: ['tasks', id], queryFn: () => api.get<Task>(`/tasks/${id ?? ''}`), enabled: id !== null, refetchInterval: ({ state }) => (state.data?.state === 'running' ? 1000 : false) })
  const results = (task.data?.result ?? []) as readonly TestResult[]
  const passed = results.filter(({ ok }) => ok)
  const enable = useAct(() => api.post('/users/enable', { users: passed.map(({ id: user, mailbox }) => ({ id: user, ...(mailbox === null ? {} : { mailbox }), ...(testing?.connection === undefined ? {} : { connection: testing.connection }) })), takeUp: 'all' }), { done: t('users.enabled'), then: enabled })
  return (
    <Drawer opened={id !== null} onClose={close} position="right" size="lg" title={t('users.test')} closeButtonProps={{ 'aria-label': t('app.close') }}>
      {task.error !== null && <Trouble error={task.error} />}
      {task.data !== undefined && (
        <Stack gap="md">
          <Group gap="sm" role="status">{task.data.state === 'running' && <Loader size="sm" />}<Text size="sm" fw={600}>{task.data.state === 'running' ? t('users.testing', { done: task.data.done, total: task.data.total }) : t('users.tested', { ok: passed.length, total: task.data.total })}</Text></Group>
          {task.data.state === 'done' && passed.length > 0 && <Button loading={enable.isPending} onClick={() => enable.mutate(undefined)}>{t('users.enableTested')}</Button>}
          {results.map((result) => (
            <Box key={result.id} className="panel-card" p="md">
              <Text fw={650} mb="sm">{result.name} <Text span c="dimmed" size="sm">{result.mailbox}</Text></Text>
              <CheckList checks={result.checks} />
            </Box>
          ))}
        </Stack>
      )}
    </Drawer>
  )
}

/** The two questions everybody asks himself before a reset. */
function Reset({ rows, close }: { rows: readonly UserRow[]; close: () => void }) {
  const { t } = useSpeech()
  const [existing, setExisting] = useState('keep')
  const [takeUp, setTakeUp] = useState('all')
  const reset = useAct(() => api.post('/users/reset', { ids: rows.map(({ id }) => id), existing, takeUp }), { done: t('app.done'), then: close })
  const [first] = rows
  return (
    <Confirm opened title={rows.length === 1 ? t('users.resetTitle', { name: first?.fullName || first?.name || '' }) : t('users.resetMany', { n: rows.length })} text={t('users.resetText')} action={t('users.reset')} busy={reset.isPending} onClose={close} onConfirm={() => reset.mutate(undefined)}>
      <Radio.Group mt="md" label={t('users.resetExisting')} value={existing} onChange={setExisting}><Stack gap="xs" mt="xs"><Radio value="keep" label={t('users.resetKeep')} /><Radio value="match-again" label={t('users.resetMatch')} /></Stack></Radio.Group>
      <Radio.Group mt="md" label={t('users.resetNext')} value={takeUp} onChange={setTakeUp}><Stack gap="xs" mt="xs"><Radio value="all" label={t('users.takeAll')} /><Radio value="new" label={t('users.takeNew')} /></Stack></Radio.Group>
    </Confirm>
  )
}
