import { Box, Button, Grid, Group, NumberInput, PasswordInput, Radio, Select, Stack, Switch, TagsInput, Text, TextInput } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import type { Me as MeFacts, Sharing as SharingFacts, TestResult, Wishes } from '../../../src/http/api-types.ts'
import { api } from '../api.ts'
import { useSpeech } from '../i18n/index.tsx'
import { Confirm, useAct } from '../parts/ask.tsx'
import { CheckList, Loaded, PageHead, StandingBadge, Trouble, troubleText } from '../parts/basics.tsx'
import { Icon } from '../parts/icons.tsx'
import { useSession } from '../session.ts'

export default function Me() {
  const { t } = useSpeech()
  const me = useQuery({ queryKey: ['lanes', 'me'], queryFn: () => api.get<MeFacts>('/me') })
  const { session } = useSession()
  return (
    <>
      <PageHead title={t('me.title')} />
      <Loaded query={me}>{(facts) => (
        <fieldset disabled={session.seeAs !== null} style={{ border: 0, margin: 0, padding: 0, minInlineSize: 0 }}>
          <Stack gap="lg">
            {facts.user.mailbox === null ? <ConnectForm facts={facts} connected={() => void me.refetch()} /> : <Connected facts={facts} changed={() => void me.refetch()} />}
            <Preferences key={JSON.stringify(facts.wishes)} facts={facts} saved={() => void me.refetch()} />
            {facts.user.mailbox !== null && <Sharing />}
          </Stack>
        </fieldset>
      )}</Loaded>
    </>
  )
}

function Connected({ facts, changed }: { facts: MeFacts; changed: () => void }) {
  const { t, said } = useSpeech()
  const [asking, setAsking] = useState(false)
  const [again, setAgain] = useState(false)
  const disconnect = useAct(() => api.delete('/me/mailbox'), { done: t('app.done'), then: () => { setAsking(false); changed() } })
  const sync = useAct(() => api.post('/me/sync'), { done: t('me.synced') })
  const isWrongPassword = facts.user.error !== null && facts.way?.how !== 'service'
  return (
    <Box className="panel-card" p="md" component="section">
      <Group justify="space-between" gap="sm" align="flex-start">
        <Box miw={0} flex="1 1 240px"><Text fw={650} component="h2" size="md" m={0} className="wrap">{facts.user.mailbox}</Text><Text size="sm" c="dimmed">{facts.way === null ? '' : t(`me.how.${facts.way.how}`)}</Text></Box>
        <StandingBadge standing={facts.user.standing} />
      </Group>
      {facts.user.error !== null && <Text size="sm" mt="sm" className="wrap">{said(facts.user.error.message, facts.user.error.code)}</Text>}
      {facts.user.cure !== null && <Text mt="xs" className="cure wrap">{said(facts.user.cure)}</Text>}
      <Group gap="xs" mt="md">
        <Button size="sm" loading={sync.isPending} onClick={() => sync.mutate(undefined)}>{t('me.syncNow')}</Button>
        {isWrongPassword && <Button size="sm" variant="default" onClick={() => setAgain(true)}>{t('me.connect')}</Button>}
        <Button size="sm" variant="default" onClick={() => setAsking(true)}>{t('me.disconnect')}</Button>
      </Group>
      {again && <Box mt="md"><ConnectForm facts={facts} connected={() => { setAgain(false); changed() }} /></Box>}
      <Confirm opened={asking} title={t('users.disconnectTitle')} text={t('users.disconnectText')} action={t('me.disconnect')} colour="red" busy={disconnect.isPending} onClose={() => setAsking(false)} onConfirm={() => disconnect.mutate(undefined)} />
    </Box>
  )
}

class PopUpBlocked extends Error {}

/** First looked at and shown, then connected: nothing is written before that. */
function ConnectForm({ facts, connected }: { facts: MeFacts; connected: () => void }) {
  const speech = useSpeech()
  const { t, said } = speech
  const [connection, setConnection] = useState(facts.ways[0]?.connection ?? '')
  const [form, setForm] = useState({ mailbox: facts.addresses[0] ?? '', username: '', password: '' })
  const [takeUp, setTakeUp] = useState('all')
  const [isSignedIn, setSignedIn] = useState(false)
  const [refusal, setRefusal] = useState<string | null>(null)
  const way = facts.ways.find((one) => one.connection === connection)
  const wanted = () => ({ connection, ...(form.mailbox === '' || way?.how === 'microsoft' ? {} : { mailbox: form.mailbox }), ...(way?.how === 'own' ? { username: form.username, password: form.password } : {}) })
  const test = useMutation({ mutationFn: () => api.post<TestResult>('/me/mailbox/test', wanted()) })
  const connect = useAct(() => api.put<TestResult>('/me/mailbox', { ...wanted(), takeUp }), { done: t('connect.finished'), then: (result) => { if (result.ok) connected() } })
  const set = (change: Partial<typeof form>) => { setForm({ ...form, ...change }); test.reset() }
  const popUp = useMutation({
    mutationFn: async () => {
      // Opened in the click itself, or browsers block it.
      const opened = window.open('about:blank', 'microsoft-sign-in', 'width=520,height=680')
      if (opened === null) throw new PopUpBlocked()
      const { url } = await api.post<{ url: string }>('/me/microsoft', { connection, ...(form.mailbox === '' ? {} : { mailbox: form.mailbox }) }).catch((error: unknown) => { opened.close(); throw error })
      opened.location.href = url
    },
  })
  const { mutate } = test
  useEffect(() => {
    const hear = (event: MessageEvent<{ type?: string; error?: string }>) => {
      if (event.origin !== window.location.origin || event.data.type !== 'microsoft-signed-in') return
      setRefusal(event.data.error ?? null)
      if (event.data.error !== undefined) return
      setSignedIn(true)
      mutate()
    }
    window.addEventListener('message', hear)
    return () => window.removeEventListener('message', hear)
  }, [mutate])
  return (
    <Box className="panel-card" p="md" component="section">
      <Text fw={650} component="h2" size="md" m={0}>{t('me.notConnected')}</Text>
      <Text size="sm" c="dimmed" mb="md">{t('me.notConnectedText')}</Text>
      <form onSubmit={(event) => { event.preventDefault(); test.mutate() }}>
        <Stack gap="md" maw={480}>
          {facts.ways.length > 1 && <Select label={t('me.choose')} allowDeselect={false} value={connection} data={facts.ways.map((one) => one.connection)} onChange={(value) => { if (value !== null) setConnection(value); test.reset() }} />}
          {way !== undefined && <Text size="sm">{t(`me.how.${way.how}`)}</Text>}
          {(way?.how === 'service' || way?.how === 'microsoft') && <Select label={t('me.address')} allowDeselect={false} value={form.mailbox} data={[...facts.addresses]} onChange={(mailbox) => mailbox !== null && set({ mailbox })} />}
          {way?.how === 'own' && (
            <>
              <TextInput label={t('me.address')} type="email" required value={form.mailbox} onChange={(event) => set({ mailbox: event.currentTarget.value })} />
              <TextInput label={t('me.username')} description={t('me.usernameHelp')} required autoComplete="username" value={form.username} onChange={(event) => set({ username: event.currentTarget.value })} />
              <PasswordInput label={t('me.password')} required autoComplete="current-password" value={form.password} onChange={(event) => set({ password: event.currentTarget.value })} />
            </>
          )}
          {way?.how === 'microsoft' && !isSignedIn
            ? <Button loading={popUp.isPending} onClick={() => popUp.mutate()}>{t('me.microsoft')}</Button>
            : <Button type="submit" variant={test.data?.ok === true ? 'default' : 'filled'} loading={test.isPending}>{t('me.test')}</Button>}
          {(popUp.error !== null || refusal !== null) && <Text size="sm" c="var(--mantine-color-error)" role="alert" className="wrap">{popUp.error === null ? said(refusal ?? '') : popUp.error instanceof PopUpBlocked ? t('me.popUpBlocked') : troubleText(popUp.error, speech)}</Text>}
        </Stack>
      </form>
      {test.error !== null && <Box mt="md"><Trouble error={test.error} /></Box>}
      {test.data !== undefined && (
        <Stack gap="md" mt="lg" role="status">
          {test.data.ok && <Group gap="sm"><Icon name="me" /><Box><Text fw={650}>{test.data.mailbox}</Text><Text size="sm" c="dimmed">{t('me.found')}</Text></Box></Group>}
          <CheckList checks={test.data.checks} />
          {test.data.ok && (
            <>
              <Radio.Group label={t('users.resetNext')} value={takeUp} onChange={setTakeUp}><Stack gap="xs" mt="xs"><Radio value="all" label={t('users.takeAll')} /><Radio value="new" label={t('users.takeNew')} /></Stack></Radio.Group>
              <Group><Button loading={connect.isPending} onClick={() => connect.mutate(undefined)}>{t('me.connect')}</Button></Group>
            </>
          )}
        </Stack>
      )}
    </Box>
  )
}

type Direction = MeFacts['effective']['direction']['event']
/** What a user may still choose where the company allows this much. */
const WITHIN: Record<Direction, readonly Direction[]> = { both: ['both', 'to-crm', 'to-exchange', 'off'], 'to-crm': ['to-crm', 'off'], 'to-exchange': ['to-exchange', 'off'], off: ['off'] }

function Preferences({ facts, saved }: { facts: MeFacts; saved: () => void }) {
  const { t } = useSpeech()
  const { company, effective } = facts
  const [wishes, setWishes] = useState<Wishes>(facts.wishes)
  const changed = JSON.stringify(wishes) !== JSON.stringify(facts.wishes)
  const save = useAct(() => api.put('/me/preferences', wishes), { done: t('app.saved'), then: saved })
  const allowed = { event: company.sync.events, task: company.sync.tasks, contact: company.sync.contacts } as const
  const categories = wishes.categories ?? { only: [], except: [] }
  const days = (value: string | number) => (typeof value === 'number' ? value : undefined)
  const section = (title: string, children: React.ReactNode) => <Box className="panel-card" p="md" component="section"><Text component="h2" fw={650} size="md" m={0} mb="sm">{title}</Text>{children}</Box>
  return (
    <form onSubmit={(event) => { event.preventDefault(); save.mutate(undefined) }}>
      <Stack gap="lg">
        {section(t('me.what'), (
          <Grid>{(['event', 'task', 'contact'] as const).map((kind) => (
            <Grid.Col key={kind} span={{ base: 12, sm: 4 }}>
              <Select label={t(`kind.${kind}s`)} description={t('me.companyAllows', { what: t(`direction.${allowed[kind]}`) })} allowDeselect={false} value={wishes.direction?.[kind] ?? effective.direction[kind]} data={WITHIN[allowed[kind]].map((value) => ({ value, label: t(`direction.${value}`) }))} onChange={(value) => value !== null && setWishes({ ...wishes, direction: { ...wishes.direction, [kind]: value as Direction } })} />
            </Grid.Col>
          ))}</Grid>
        ))}
        {section(t('me.window'), (
          <Grid>
            <Grid.Col span={{ base: 6, sm: 4 }}><NumberInput label={t('policies.pastDays')} description={t('me.companyDays', { n: company.sync.pastDays })} min={0} max={company.sync.pastDays} value={wishes.pastDays ?? effective.pastDays} onChange={(value) => { const n = days(value); if (n !== undefined) setWishes({ ...wishes, pastDays: n }) }} /></Grid.Col>
            <Grid.Col span={{ base: 6, sm: 4 }}><NumberInput label={t('policies.futureDays')} description={t('me.companyDays', { n: company.sync.futureDays })} min={1} max={company.sync.futureDays} value={wishes.futureDays ?? effective.futureDays} onChange={(value) => { const n = days(value); if (n !== undefined) setWishes({ ...wishes, futureDays: n }) }} /></Grid.Col>
          </Grid>
        ))}
        {section(t('me.categories'), (
          <Grid>
            <Grid.Col span={{ base: 12, sm: 6 }}><TagsInput label={t('me.only')} description={t('me.categoriesHelp')} value={[...categories.only]} onChange={(only) => setWishes({ ...wishes, categories: { ...categories, only } })} /></Grid.Col>
            <Grid.Col span={{ base: 12, sm: 6 }}><TagsInput label={t('me.except')} description={t('me.categoriesHelp')} value={[...categories.except]} onChange={(except) => setWishes({ ...wishes, categories: { ...categories, except } })} /></Grid.Col>
          </Grid>
        ))}
        {section(t('me.privacy'), (
          <Stack gap="md">
            <Switch label={t('me.availabilityOnly')} description={t(company.availabilityOnly ? 'me.availabilityOnlyByAdmin' : 'me.availabilityOnlyText')} disabled={company.availabilityOnly} checked={company.availabilityOnly || (wishes.availabilityOnly ?? false)} onChange={(event) => setWishes({ ...wishes, availabilityOnly: event.currentTarget.checked })} />
            <Radio.Group label={t('me.privateItems')} value={wishes.privateItems ?? effective.privateItems} onChange={(value) => setWishes({ ...wishes, privateItems: value as 'mask' })}><Stack gap="xs" mt="xs">{(['mask', 'skip', 'full'] as const).map((value) => <Radio key={value} value={value} label={t(`policies.private.${value}`)} />)}</Stack></Radio.Group>
          </Stack>
        ))}
        <Group gap="sm"><Button type="submit" disabled={!changed} loading={save.isPending}>{t('app.save')}</Button><Text size="sm" c="dimmed" role="status">{changed ? t('app.unsaved') : t('me.saveNote')}</Text></Group>
      </Stack>
    </form>
  )
}

/** Which colleagues see when one is free: kept on the calendar itself, where Outlook shows it too. */
function Sharing() {
  const { t, said } = useSpeech()
  const [colleague, setColleague] = useState('')
  const sharing = useQuery({ queryKey: ['sharing'], queryFn: () => api.get<SharingFacts>('/me/sharing') })
  const change = useAct((input: { colleague: string; share: boolean }) => api.put('/me/sharing', input), { done: t('app.saved'), then: () => { setColleague(''); void sharing.refetch() } })
  if (sharing.data?.available === false) return null
  return (
    <Box className="panel-card" p="md" component="section">
      <Text component="h2" fw={650} size="md" m={0}>{t('sharing.title')}</Text>
      <Text size="sm" c="dimmed" mb="sm">{t('sharing.text')}</Text>
      <Loaded query={sharing} rows={2}>{({ entries, error }) => (
        <>
          {error !== null && <Text size="sm" className="wrap" mb="sm">{said(error)}</Text>}
          <Box component="ul" className="plain" mb="sm">{entries.filter(({ level }) => level !== 'none').map((entry) => (
            <Box component="li" key={entry.type + entry.address} className="user-card"><Group justify="space-between" gap="sm">
              <Text size="sm" className="wrap">{entry.type === 'user' ? entry.name || entry.address : t(`sharing.${entry.type}`)} <span className="dim">{t(`sharing.level.${entry.level as 'availability'}`)}</span></Text>
              {entry.type === 'user' && entry.level === 'availability' && <Button size="compact-sm" variant="default" aria-label={`${t('sharing.end')}: ${entry.address}`} onClick={() => change.mutate({ colleague: entry.address, share: false })}>{t('sharing.end')}</Button>}
            </Group></Box>
          ))}</Box>
        </>
      )}</Loaded>
      <form onSubmit={(event) => { event.preventDefault(); change.mutate({ colleague, share: true }) }}>
        <Group align="flex-end" gap="sm"><TextInput type="email" required label={t('sharing.colleague')} value={colleague} onChange={(event) => setColleague(event.currentTarget.value)} flex="1 1 240px" maw={360} /><Button type="submit" variant="default" loading={change.isPending}>{t('sharing.share')}</Button></Group>
      </form>
    </Box>
  )
}
