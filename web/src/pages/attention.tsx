import { Badge, Box, Button, Collapse, Group, Modal, SimpleGrid, Stack, Switch, Tabs, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { Link, useSearchParams } from 'wouter'
import type { AttentionSummary, Conflicts, Failing, HeldPage, Skips, Untold, UserPage } from '../../../src/http/api-types.ts'
import { api } from '../api.ts'
import { useSpeech } from '../i18n/index.tsx'
import { useAct } from '../parts/ask.tsx'
import { Ago, Empty, Loaded, PageHead, Pager, StandingBadge } from '../parts/basics.tsx'
import { Icon } from '../parts/icons.tsx'
import { Changes, valueText } from '../parts/values.tsx'
import { useSession } from '../session.ts'

const LIMIT = 20
const TABS = ['conflicts', 'held', 'mails', 'failing', 'skipped'] as const

export default function Attention() {
  const { t } = useSpeech()
  const [query, setQuery] = useSearchParams()
  const summary = useQuery({ queryKey: ['attention', 'summary'], queryFn: () => api.get<AttentionSummary>('/attention') })
  const counts = summary.data === undefined ? null : { conflicts: summary.data.conflicts, held: summary.data.held, mails: summary.data.mails, failing: summary.data.failing, skipped: summary.data.unrepresentable }
  const fullest = counts === null ? 'conflicts' : (TABS.find((tab) => counts[tab] > 0) ?? 'conflicts')
  const tab = TABS.find((one) => one === query.get('tab')) ?? fullest
  // On a phone the row of tabs is wider than the screen.
  useEffect(() => document.querySelector('[role=tab][aria-selected=true]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' }), [tab])
  return (
    <>
      <PageHead title={t('attention.title')} text={t('attention.text')} />
      <BrokenMailboxes />
      <Tabs value={tab} onChange={(value) => setQuery(value === null ? {} : { tab: value }, { replace: true })} keepMounted={false}>
        <Tabs.List mb="md">
          {TABS.map((one) => <Tabs.Tab key={one} value={one} {...(counts !== null && counts[one] > 0 ? { rightSection: <Badge size="sm" color={one === 'skipped' ? 'gray' : 'red'} variant="filled" circle={counts[one] < 10}>{counts[one]}</Badge> } : {})}>{t(`attention.${one}`)}</Tabs.Tab>)}
        </Tabs.List>
        <Tabs.Panel value="conflicts"><ConflictList /></Tabs.Panel>
        <Tabs.Panel value="held"><HeldList /></Tabs.Panel>
        <Tabs.Panel value="mails"><MailList /></Tabs.Panel>
        <Tabs.Panel value="failing"><FailingList /></Tabs.Panel>
        <Tabs.Panel value="skipped"><SkippedList /></Tabs.Panel>
      </Tabs>
    </>
  )
}

/** A mailbox that does not open is more than a failing item. */
function BrokenMailboxes() {
  const { t, said } = useSpeech()
  const { session } = useSession()
  const isAdmin = (session.seeAs ?? session.user)?.admin === true
  const users = useQuery({ queryKey: ['lanes', 'broken'], queryFn: () => api.get<UserPage>('/users', { standing: 'attention', limit: 10 }), enabled: isAdmin })
  const broken = (users.data?.rows ?? []).filter(({ error }) => error !== null)
  if (broken.length === 0) return null
  return (
    <Stack gap="sm" mb="lg">
      {broken.map((row) => (
        <Box key={row.id} className="panel-card" p="md" component="section">
          <Group justify="space-between" wrap="nowrap" align="flex-start"><Text fw={650} component="h2" size="md" m={0} className="wrap">{row.fullName || row.name} <Text span size="sm" c="dimmed">{row.mailbox}</Text></Text><StandingBadge standing={row.standing} /></Group>
          <Text size="sm" className="wrap" mt={4}>{said(row.error?.message ?? '', row.error?.code)}</Text>
          {row.cure !== null && <Text className="cure wrap" mt="sm">{said(row.cure)}</Text>}
          <Button component={Link} href={`/users?show=${encodeURIComponent(row.id)}`} size="xs" variant="default" mt="sm">{t('attention.toUser')}</Button>
        </Box>
      ))}
    </Stack>
  )
}

function ConflictList() {
  const speech = useSpeech()
  const { t, maybe } = speech
  const [offset, setOffset] = useState(0)
  const conflicts = useQuery({ queryKey: ['attention', 'conflicts', offset], queryFn: () => api.get<Conflicts>('/attention/conflicts', { offset, limit: LIMIT }), refetchInterval: 10_000 })
  const decide = useAct((input: { id: string; winner: 'exchange' | 'crm' }) => api.post('/attention/conflicts', { ids: [input.id], winner: input.winner }), { done: t('attention.decided'), then: () => void conflicts.refetch() })
  return (
    <Loaded query={conflicts}>{({ total, rows }) => total === 0
      ? <Box className="panel-card"><Empty icon="check" title={t('attention.clear')} text={t('attention.clearText')} /></Box>
      : (
        <Stack gap="md">
          {rows.map((row) => (
            <Box key={row.id} className="panel-card" p="md" component="article">
              <Group justify="space-between" align="flex-start" mb="sm" gap="xs">
                <Box miw={0}><Text fw={650} component="h2" size="md" m={0} className="wrap">{row.title ?? t('activity.untitled')}</Text><Text size="sm" c="dimmed">{t('attention.conflictText', { field: maybe(`field.${row.field}`, row.field) })} · {row.user ?? row.mailbox} · <Ago at={row.at} /></Text></Box>
                {row.state === 'decided' && <Badge className="standing-badge" variant="light" color="blue" tt="none">{t('attention.decided')}</Badge>}
              </Group>
              <SimpleGrid cols={{ base: 1, sm: 3 }} spacing="sm">
                <Box className="value-card base"><Text size="xs" c="dimmed" fw={600}>{t('attention.base')}</Text><Text size="sm" className="wrap">{valueText(row.base, row.field, speech)}</Text></Box>
                {(['exchange', 'crm'] as const).map((side) => (
                  <Box key={side} className="value-card">
                    <Text size="xs" c="dimmed" fw={600}>{side === 'exchange' ? t('attention.inExchange') : t('attention.inCrm')}</Text>
                    <Text size="sm" className="wrap" flex={1}>{valueText(row[side], row.field, speech)}</Text>
                    {row.state === 'open' && <Button size="xs" variant="light" fullWidth disabled={decide.isPending} aria-label={side === 'exchange' ? t('attention.keepExchange') : t('attention.keepCrm')} onClick={() => decide.mutate({ id: row.id, winner: side })}>{t('attention.keep')}</Button>}
                  </Box>
                ))}
              </SimpleGrid>
            </Box>
          ))}
          <Pager offset={offset} limit={LIMIT} total={total} onChange={setOffset} />
        </Stack>
      )}</Loaded>
  )
}

type HeldRow = HeldPage['rows'][number]

function HeldList() {
  const { t, said } = useSpeech()
  const [offset, setOffset] = useState(0)
  const [sure, setSure] = useState<readonly HeldRow[] | null>(null)
  const held = useQuery({ queryKey: ['attention', 'held', offset], queryFn: () => api.get<HeldPage>('/attention/held', { offset, limit: 200 }), refetchInterval: 10_000 })
  const decide = useAct((input: { ids: readonly string[]; decision: string }) => api.post('/attention/held', input), { done: t('attention.decided'), then: () => { setSure(null); void held.refetch() } })
  return (
    <Loaded query={held}>{({ total, rows }) => {
      if (total === 0) return <Box className="panel-card"><Empty icon="check" title={t('attention.clear')} text={t('attention.clearText')} /></Box>
      // What was held together is decided together, or one by one.
      const groups = [...Map.groupBy(rows, (row) => `${row.lane}/${row.what}/${row.reason}`).values()]
      return (
        <Stack gap="md">
          {groups.map((group) => {
            const [first] = group
            if (first === undefined) return null
            const isDeletion = first.what !== 'ambiguous'
            const ids = group.map(({ id }) => id)
            return (
              <Box key={first.id} className="panel-card" component="article">
                <Box p="md">
                  <Text fw={650} component="h2" size="md" m={0}>{t(`attention.what.${first.what}`)} <Text span size="sm" c="dimmed">{first.mailbox}</Text></Text>
                  <Text size="sm" c="dimmed" className="wrap">{said(first.reason)} · <Ago at={first.at} /></Text>
                  {isDeletion && group.length > 1 && (
                    <Group gap="xs" mt="sm">
                      <Button size="xs" onClick={() => decide.mutate({ ids, decision: 'restore' })} loading={decide.isPending}>{t('attention.restoreAll', { n: group.length })}</Button>
                      <Button size="xs" color="red" variant="light" onClick={() => setSure(group)}>{t('attention.applyAll', { n: group.length })}</Button>
                    </Group>
                  )}
                </Box>
                <Box component="ul" className="plain">{group.map((row) => (
                  <Box component="li" key={row.id} className="user-card">
                    <Group justify="space-between" gap="sm">
                      <Group gap="sm" wrap="nowrap" miw={0} flex="1 1 240px"><Icon name={row.kind} /><Text size="sm" className="wrap">{row.title ?? t(`kind.${row.kind}`)}{isDeletion ? '' : ` (${t('attention.candidates', { n: row.candidates.length })})`}</Text></Group>
                      <Group gap={6} className="decisions">
                        {isDeletion
                          ? <><Button size="compact-sm" variant="default" onClick={() => decide.mutate({ ids: [row.id], decision: 'restore' })}>{t('attention.restore')}</Button><Button size="compact-sm" variant="default" onClick={() => decide.mutate({ ids: [row.id], decision: 'unlink' })}>{t('attention.unlink')}</Button><Button size="compact-sm" color="red" variant="subtle" onClick={() => setSure([row])}>{t('attention.apply')}</Button></>
                          : <><Button size="compact-sm" variant="default" onClick={() => decide.mutate({ ids: [row.id], decision: 'apply' })}>{t('attention.applyAmbiguous')}</Button><Button size="compact-sm" variant="default" onClick={() => decide.mutate({ ids: [row.id], decision: 'unlink' })}>{t('attention.unlink')}</Button></>}
                      </Group>
                    </Group>
                  </Box>
                ))}</Box>
              </Box>
            )
          })}
          <Pager offset={offset} limit={200} total={total} onChange={setOffset} />
          <Modal opened={sure !== null} onClose={() => setSure(null)} title={t('attention.apply')} centered closeButtonProps={{ 'aria-label': t('app.close') }}>
            <Text size="sm">{t('attention.sure', { n: sure?.length ?? 0 })}</Text>
            <Group justify="flex-end" mt="lg"><Button variant="default" data-autofocus onClick={() => setSure(null)}>{t('app.cancel')}</Button><Button color="red" loading={decide.isPending} onClick={() => decide.mutate({ ids: (sure ?? []).map(({ id }) => id), decision: 'apply' })}>{t('attention.apply')}</Button></Group>
          </Modal>
        </Stack>
      )
    }}</Loaded>
  )
}

function FailingList() {
  const { t, ago, said } = useSpeech()
  const [offset, setOffset] = useState(0)
  const failing = useQuery({ queryKey: ['attention', 'failing', offset], queryFn: () => api.get<Failing>('/attention/failing', { offset, limit: LIMIT }) })
  const retry = useAct((input: { lane: string; side: string; id: string }) => api.post('/attention/failing', input), { done: t('app.done'), then: () => void failing.refetch() })
  return (
    <Loaded query={failing}>{({ total, rows }) => (
      <Box className="panel-card">
        {total === 0 && <Empty icon="check" title={t('attention.clear')} text={t('attention.clearText')} />}
        <Box component="ul" className="plain">{rows.map((row) => (
          <Box component="li" key={row.lane + row.side + row.id} className="user-card">
            <Group justify="space-between" align="flex-start" gap="sm">
              <Box flex="1 1 300px" miw={0}>
                <Group gap="xs" wrap="nowrap"><Icon name={row.kind} /><Text size="sm" fw={600} className="wrap">{row.title ?? t(`kind.${row.kind}`)}</Text></Group>
                <Text size="sm" className="wrap" mt={4}>{said(row.error.message, row.error.code)}</Text>
                <Text size="xs" c="dimmed" mt={4}>{row.user} · {t('attention.tries', { n: row.attempts, time: ago(row.dueAt) })}</Text>
              </Box>
              <Button size="xs" variant="default" onClick={() => retry.mutate({ lane: row.lane, side: row.side, id: row.id })}>{t('attention.tryNow')}</Button>
            </Group>
          </Box>
        ))}</Box>
        <Pager offset={offset} limit={LIMIT} total={total} onChange={setOffset} />
      </Box>
    )}</Loaded>
  )
}

/** What somebody has to look at; where there is nothing of that, what is left alone by choice. */
function SkippedList() {
  const { t } = useSpeech()
  const [chosen, setEvery] = useState<boolean | null>(null)
  const summary = useQuery({ queryKey: ['attention', 'summary'], queryFn: () => api.get<AttentionSummary>('/attention') })
  if (summary.data === undefined) return <Loaded query={summary} rows={3}>{() => null}</Loaded>
  const every = chosen ?? summary.data.unrepresentable === 0
  return (
    <>
      <Switch mb="md" label={t('attention.everySkip')} checked={every} onChange={(event) => setEvery(event.currentTarget.checked)} />
      <SkipTable every={every} withUser />
    </>
  )
}

/** What would have mailed somebody: edits that were made without a mail, and changes that were therefore not made. */
function MailList() {
  const { t, maybe } = useSpeech()
  const [offset, setOffset] = useState(0)
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set())
  const untold = useQuery({ queryKey: ['attention', 'untold', offset], queryFn: () => api.get<Untold>('/attention/untold', { offset, limit: LIMIT }) })
  const dismiss = useAct((ids: readonly string[]) => api.post('/attention/untold', { ids }), { done: t('attention.dismissed'), then: () => { setOffset(0); void untold.refetch() } })
  const toggle = (id: string) => setOpen((before) => { const next = new Set(before); if (!next.delete(id)) next.add(id); return next })
  return (
    <Stack gap="lg">
      <Loaded query={untold} rows={3}>{({ total, rows }) => total === 0 ? null : (
        <Box component="section">
          <Group justify="space-between" align="flex-start" gap="sm" mb="sm">
            <Box flex="1 1 320px" maw={720}><Text component="h2" fw={650} size="md" m={0}>{t('attention.untold')}</Text><Text size="sm" c="dimmed">{t('attention.untoldText')}</Text></Box>
            {rows.length > 1 && <Button size="xs" variant="default" loading={dismiss.isPending} onClick={() => dismiss.mutate(rows.map(({ id }) => id))}>{t('attention.dismissAll', { n: rows.length })}</Button>}
          </Group>
          <Box className="panel-card">
            <Box component="ul" className="plain">{rows.map((row) => (
              <Box component="li" key={row.id} className="user-card">
                <Group justify="space-between" align="flex-start" gap="sm">
                  <Box flex="1 1 300px" miw={0}>
                    <Group gap="xs" wrap="nowrap" align="flex-start"><Icon name={row.kind} /><Text size="sm" fw={600} className="wrap">{row.title ?? t('activity.untitled')}</Text></Group>
                    <Text size="sm" mt={4} className="wrap">{t('attention.changedFields', { fields: Object.keys(row.after ?? {}).map((name) => maybe(`field.${name}`, name)).join(', ') })}</Text>
                    <Text size="sm" className="wrap">{t('attention.untoldPeople')}: {row.people.map(({ name, address }) => name || address).join(', ')}</Text>
                    <Text size="xs" c="dimmed" mt={4} component="div">{row.user ?? row.mailbox} · <Ago at={row.at} /></Text>
                  </Box>
                  <Group gap={6}>
                    <Button size="xs" variant="default" aria-expanded={open.has(row.id)} aria-controls={`untold-${row.id}`} onClick={() => toggle(row.id)}>{t('attention.whatChanged')}</Button>
                    <Button size="xs" variant="default" disabled={dismiss.isPending} aria-label={`${t('attention.dismiss')}: ${row.title ?? ''}`} onClick={() => dismiss.mutate([row.id])}>{t('attention.dismiss')}</Button>
                  </Group>
                </Group>
                <Collapse expanded={open.has(row.id)} id={`untold-${row.id}`}><Box mt="sm"><Changes before={row.before} after={row.after} /></Box></Collapse>
              </Box>
            ))}</Box>
            <Pager offset={offset} limit={LIMIT} total={total} onChange={setOffset} />
          </Box>
        </Box>
      )}</Loaded>
      <UndoneList isAlone={untold.data?.total === 0} />
    </Stack>
  )
}

/** @param isAlone nothing else waits on this page */
function UndoneList({ isAlone }: { isAlone: boolean }) {
  const { t } = useSpeech()
  const some = useQuery({ queryKey: ['attention', 'skips', true, 0], queryFn: () => api.get<Skips>('/attention/mails', { offset: 0, limit: LIMIT }) })
  if (some.data?.total === 0 && !isAlone) return null
  return (
    <Box component="section">
      {some.data?.total !== 0 && <Text component="h2" fw={650} size="md" m={0}>{t('attention.undone')}</Text>}
      <Text size="sm" c="dimmed" mb="sm" maw={720}>{t('attention.mailsText')}</Text>
      <SkipTable mails every={false} withUser />
    </Box>
  )
}

/** Items left alone, and why. */
export function SkipTable({ every, withUser, mails = false }: { every: boolean; withUser: boolean; mails?: boolean }) {
  const { t, maybe, ago } = useSpeech()
  const [offset, setOffset] = useState(0)
  const skips = useQuery({ queryKey: [every ? 'lanes' : 'attention', 'skips', mails, offset], queryFn: () => (mails ? api.get<Skips>('/attention/mails', { offset, limit: LIMIT }) : api.get<Skips>('/attention/skipped', { every, offset, limit: LIMIT })) })
  return (
    <Box className="panel-card"><Loaded query={skips} rows={3}>{({ total, rows }) => total === 0
      ? mails ? <Empty icon="check" title={t('attention.noMails')} text={t('attention.noMailsText')} /> : <Empty icon="check" title={withUser ? t('attention.clear') : t('my.noneSkipped')} />
      : (
        <>
          <Box component="ul" className="plain">{rows.map((row) => (
            <Box component="li" key={row.lane + row.side + row.id} className="user-card">
              <Group gap="sm" wrap="nowrap" align="flex-start"><Icon name={row.kind} />
                <Box flex={1} miw={0}>{row.title !== null && <Text size="sm" fw={600} className="wrap">{row.title === '' ? t('activity.untitled') : row.title}</Text>}<Text size="sm" className="wrap">{maybe(`skip.${row.reason}`, row.why)}</Text>
                  <Text size="xs" c="dimmed" className="wrap">{t(`kind.${row.kind}`)}, {t(`side.${row.side}`)}{withUser ? ` · ${row.user ?? ''}` : ''}{row.side === 'crm' ? ` · ${row.id}` : ''}{row.enterAt === null ? '' : ` · ${t('attention.enters', { time: ago(row.enterAt) })}`}</Text></Box>
                <Text size="xs" c="dimmed" component="div"><Ago at={row.at} /></Text>
              </Group>
            </Box>
          ))}</Box>
          <Pager offset={offset} limit={LIMIT} total={total} onChange={setOffset} />
        </>
      )}</Loaded></Box>
  )
}
