import { Accordion, Box, Button, Checkbox, Group, Loader, Radio, Select, SegmentedControl, Stack, Stepper, Table, Text, TextInput, Textarea, PasswordInput, Switch } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { Candidates, Connections, CrmSettings, PreviewResult, Steps, Task } from '../../../src/http/api-types.ts'
import { api, ApiError } from '../api.ts'
import { useSpeech } from '../i18n/index.tsx'
import { useAct } from './ask.tsx'
import { CheckList, Empty, Loaded, Pager, Trouble } from './basics.tsx'
import { Icon } from './icons.tsx'

interface Chosen { readonly crm: string; readonly mailbox: string }

/** Connects a CRM (at the first start) and an Exchange server: each step is tried out before anything is stored. */
export function Wizard({ withCrm, finished }: { withCrm: boolean; finished: () => void }) {
  const { t } = useSpeech()
  const [at, setAt] = useState(0)
  const [own, setOwn] = useState(false)
  const [chosen, setChosen] = useState<ReadonlyMap<string, string>>(new Map())
  const steps = [...(withCrm ? ['crm' as const] : []), 'exchange' as const, 'people' as const, 'preview' as const]
  const next = () => setAt(Math.min(at + 1, steps.length - 1))
  const back = at === 0 ? undefined : () => setAt(at - 1)
  const list = [...chosen].map(([crm, mailbox]) => ({ crm, mailbox }))
  return (
    <Box className="panel-card" p={{ base: 'md', sm: 'xl' }}>
      <Box visibleFrom="sm"><Stepper active={at} mb="xl" allowNextStepsSelect={false} size="sm" onStepClick={setAt}>{steps.map((step) => <Stepper.Step key={step} label={t(`connect.${step}`)} />)}</Stepper></Box>
      <Text hiddenFrom="sm" size="sm" c="dimmed" mb="sm">{t('connect.of', { n: at + 1, total: steps.length })}</Text>
      {steps[at] === 'crm' && <CrmStep next={next} />}
      {steps[at] === 'exchange' && <ExchangeStep next={(isOwn) => { setOwn(isOwn); next() }} back={back} />}
      {steps[at] === 'people' && <PeopleStep own={own} chosen={chosen} setChosen={setChosen} next={next} back={back} />}
      {steps[at] === 'preview' && <PreviewStep own={own} chosen={list} back={back} finished={finished} />}
    </Box>
  )
}

function Head({ title, text }: { title: string; text: string }) {
  return <Box mb="md"><Text component="h2" fw={650} size="lg" m={0}>{title}</Text><Text size="sm" c="dimmed">{text}</Text></Box>
}

function Buttons({ back, children }: { back: (() => void) | undefined; children: React.ReactNode }) {
  const { t } = useSpeech()
  return <Group justify="space-between" mt="xl">{back === undefined ? <span /> : <Button variant="default" onClick={back}>{t('connect.back')}</Button>}<Group gap="sm">{children}</Group></Group>
}

function Outcome({ result, error }: { result: Steps | undefined; error: Error | null }) {
  if (error !== null) return <Box mt="lg"><Trouble error={error} /></Box>
  return result === undefined ? null : <Box mt="lg" role="status"><CheckList checks={result.checks} /></Box>
}

/** What passed the test is stored at once, and everything signs in anew. */
const useFinish = (finished: () => void) => {
  const { t } = useSpeech()
  return useAct(() => api.post('/connect/finish', { users: [], takeUp: 'all' }), { done: t('app.saved'), then: finished })
}

/** How the CRM is signed in to, after the password of its user has changed. */
export function ChangeCrm({ before, finished, cancel }: { before: CrmSettings; finished: () => void; cancel: () => void }) {
  const save = useFinish(finished)
  return <CrmStep before={before} next={() => save.mutate(undefined)} saving={save.isPending} cancel={cancel} />
}

/** A connection there is, tried out with what is different before it is stored. */
export function ChangeConnection({ before, finished, cancel }: { before: Connections['rows'][number]; finished: () => void; cancel: () => void }) {
  const save = useFinish(finished)
  return <ExchangeStep before={before} next={() => save.mutate(undefined)} saving={save.isPending} back={undefined} cancel={cancel} />
}

interface Changing { readonly saving?: boolean; readonly cancel?: () => void }

function CrmStep({ next, before, saving = false, cancel }: { next: () => void; before?: CrmSettings } & Changing) {
  const { t } = useSpeech()
  const [form, setForm] = useState({ url: before?.url ?? '', username: before?.username ?? 'admin', secret: '', allowHttp: before?.url.startsWith('http:') === true })
  const [byKey, setByKey] = useState(false)
  const test = useMutation({ mutationFn: () => api.post<Steps>('/connect/crm', { url: form.url, username: form.username, allowHttp: form.allowHttp, ...(byKey ? { accessKey: form.secret } : { password: form.secret }) }) })
  const set = (change: Partial<typeof form>) => { setForm({ ...form, ...change }); test.reset() }
  return (
    <form onSubmit={(event) => { event.preventDefault(); test.mutate() }}>
      {before === undefined && <Head title={t('connect.crm')} text={t('connect.crmText')} />}
      <Stack gap="md" maw={560}>
        <TextInput label={t('connect.url')} placeholder="https://crm.example.com/webservice.php" type="url" required readOnly={before !== undefined} value={form.url} onChange={(event) => set({ url: event.currentTarget.value })} />
        <TextInput label={t('connect.crmUser')} required autoComplete="off" value={form.username} onChange={(event) => set({ username: event.currentTarget.value })} />
        <PasswordInput label={byKey ? t('connect.accessKey') : t('connect.password')} required autoComplete="off" value={form.secret} onChange={(event) => set({ secret: event.currentTarget.value })} />
        <Switch label={t('connect.useKey')} checked={byKey} onChange={(event) => { setByKey(event.currentTarget.checked); test.reset() }} />
        {form.url.startsWith('http:') && <Checkbox label={t('connect.allowHttp')} checked={form.allowHttp} onChange={(event) => set({ allowHttp: event.currentTarget.checked })} />}
      </Stack>
      <Outcome result={test.data} error={test.error} />
      <Buttons back={undefined}><Button type="submit" variant={test.data?.ok === true ? 'default' : 'filled'} loading={test.isPending}>{t('connect.test')}</Button>{test.data?.ok === true && <Button onClick={next} loading={saving} autoFocus>{before === undefined ? t('connect.next') : t('app.save')}</Button>}{cancel !== undefined && <Button variant="subtle" color="gray" onClick={cancel}>{t('app.cancel')}</Button>}</Buttons>
    </form>
  )
}

const FRESH = { name: 'onprem', kind: 'ews', url: '', auth: 'basic', whose: 'service', username: '', password: '', ca: '', mailbox: '', ownUsername: '', ownPassword: '', allowHttp: false, tenant: '', clientId: '', clientSecret: '', access: 'delegated', clientSecretExpires: '', loginUrl: '', graphUrl: '', autodiscover: '', channelBinding: 'auto' }

type Form = typeof FRESH

function formOf(before: Connections['rows'][number]): Form {
  const { name, kind, auth, impersonation, delegation, allowHttp, url = '', username = '', tenant = '', clientId = '', access = 'delegated', clientSecretExpires = '', loginUrl = '', graphUrl = '', autodiscover = '', channelBinding = 'auto', mailbox } = before
  return { ...FRESH, name, kind, auth, whose: impersonation ? 'service' : delegation === true ? 'delegation' : 'own', allowHttp, url, username, tenant, clientId, access, clientSecretExpires, loginUrl, graphUrl, autodiscover, channelBinding, mailbox: mailbox ?? '' }
}

function ExchangeStep({ next, back, before, saving = false, cancel }: { next: (own: boolean) => void; back: (() => void) | undefined; before?: Connections['rows'][number] } & Changing) {
  const { t } = useSpeech()
  const [form, setForm] = useState(before === undefined ? FRESH : formOf(before))
  const isGraph = form.kind === 'graph'
  const own = form.whose === 'own'
  const given = (name: string, value: string) => (value === '' ? {} : { [name]: value })
  const test = useMutation({
    mutationFn: () => api.post<Steps>('/connect/exchange', {
      connection: isGraph
        ? { name: form.name, kind: 'graph', access: form.access, ...given('tenant', form.tenant), ...given('clientId', form.clientId), ...given('clientSecret', form.clientSecret), ...given('clientSecretExpires', form.clientSecretExpires), ...given('loginUrl', form.loginUrl), ...given('graphUrl', form.graphUrl) }
        : { name: form.name, kind: 'ews', auth: form.auth, impersonation: form.whose === 'service', delegation: form.whose === 'delegation', ...(form.auth === 'ntlm' ? { channelBinding: form.channelBinding } : {}), ...given('autodiscover', form.url === '' ? form.autodiscover : ''), allowHttp: form.allowHttp, ...given('url', form.url), ...given('ca', form.ca), ...(own ? {} : { username: form.username, ...given('password', form.password) }) },
      change: before !== undefined, mailbox: form.mailbox, ...(own && !isGraph ? { username: form.ownUsername, password: form.ownPassword } : {}),
    }),
  })
  const set = (change: Partial<typeof form>) => { setForm({ ...form, ...change }); test.reset() }
  const text = (name: keyof typeof FRESH, label: string, extra: object = {}) => <TextInput label={label} value={String(form[name])} autoComplete="off" onChange={(event) => set({ [name]: event.currentTarget.value })} {...extra} />
  const secret = (name: keyof typeof FRESH, label: string, required = true, isStored = false) => <PasswordInput label={label} required={required && !isStored} {...(isStored ? { placeholder: t('connect.unchanged') } : {})} value={String(form[name])} autoComplete="off" onChange={(event) => set({ [name]: event.currentTarget.value })} />
  return (
    <form onSubmit={(event) => { event.preventDefault(); test.mutate() }}>
      {before === undefined && <Head title={t('connect.exchange')} text={t('connect.exchangeText')} />}
      <Stack gap="md" maw={560}>
        {before === undefined && <SegmentedControl aria-label={t('connect.kind')} value={form.kind} onChange={(kind) => set({ kind, name: kind === 'graph' ? 'cloud' : 'onprem' })} data={[{ value: 'ews', label: t('connect.kind.ews') }, { value: 'graph', label: t('connect.kind.graph') }]} />}
        {before === undefined && text('name', t('connect.name'), { required: true })}
        {isGraph
          ? <>{text('tenant', t('connect.tenant'), { required: true })}{text('clientId', t('connect.clientId'), { required: true })}{secret('clientSecret', t('connect.clientSecret'), false, before?.hasClientSecret)}{text('clientSecretExpires', t('connect.clientSecretExpires'), { type: 'date' })}
              <Select label={t('connect.access')} allowDeselect={false} value={form.access} onChange={(access) => access !== null && set({ access })} data={(['delegated', 'application'] as const).map((value) => ({ value, label: t(`connect.access.${value}`) }))} /></>
          : <>{text('url', t('connect.ewsUrl'), { type: 'url', placeholder: 'https://mail.example.com/EWS/Exchange.asmx', description: t('connect.ewsUrlHelp') })}
              {form.url.startsWith('http:') && <Checkbox label={t('connect.allowHttp')} checked={form.allowHttp} onChange={(event) => set({ allowHttp: event.currentTarget.checked })} />}
              <Select label={t('connect.auth')} allowDeselect={false} value={form.auth} onChange={(auth) => auth !== null && set({ auth })} data={(['basic', 'ntlm'] as const).map((value) => ({ value, label: t(`connect.auth.${value}`) }))} />
              <Radio.Group label={t('connect.whose')} value={form.whose} onChange={(whose) => set({ whose })}><Stack gap="xs" mt="xs"><Radio value="service" label={t('connect.service')} /><Radio value="delegation" label={t('connect.delegation')} /><Radio value="own" label={t('connect.own')} /></Stack></Radio.Group>
              {own ? null : <>{text('username', t('connect.serviceUser'), { required: true })}{secret('password', t('connect.password'), true, before?.hasPassword)}<Text size="xs" className="cure wrap">{t(form.whose === 'service' ? 'connect.serviceText' : 'connect.delegationText')}</Text></>}
              <Textarea label={t('connect.ca')} autosize minRows={2} maxRows={6} placeholder="-----BEGIN CERTIFICATE-----" value={form.ca} onChange={(event) => set({ ca: event.currentTarget.value })} /></>}
        {text('mailbox', t('connect.mailbox'), { type: 'email', required: true })}
        <Accordion variant="contained"><Accordion.Item value="more"><Accordion.Control>{t('connect.more')}</Accordion.Control><Accordion.Panel><Stack gap="md">
          {isGraph && <>{text('loginUrl', t('connect.loginUrl'), { type: 'url', placeholder: 'https://login.microsoftonline.com', description: t('connect.cloudHelp') })}{text('graphUrl', t('connect.graphUrl'), { type: 'url', placeholder: 'https://graph.microsoft.com' })}</>}
          {!isGraph && form.url === '' && text('autodiscover', t('connect.autodiscover'), { type: 'url', description: t('connect.autodiscoverHelp') })}
          {!isGraph && form.url === '' && form.autodiscover.startsWith('http:') && <Checkbox label={t('connect.allowHttp')} checked={form.allowHttp} onChange={(event) => set({ allowHttp: event.currentTarget.checked })} />}
          {!isGraph && <Select label={t('connect.binding')} description={t('connect.bindingHelp')} disabled={form.auth !== 'ntlm'} allowDeselect={false} value={form.channelBinding} onChange={(channelBinding) => channelBinding !== null && set({ channelBinding })} data={(['auto', 'on', 'off'] as const).map((value) => ({ value, label: t(`connect.binding.${value}`) }))} />}
        </Stack></Accordion.Panel></Accordion.Item></Accordion>
        {own && !isGraph && <>{text('ownUsername', t('me.username'), { required: true })}{secret('ownPassword', t('me.password'))}</>}
      </Stack>
      <Outcome result={test.data} error={test.error} />
      <Buttons back={back}><Button type="submit" variant={test.data?.ok === true ? 'default' : 'filled'} loading={test.isPending}>{t('connect.test')}</Button>{test.data?.ok === true && <Button loading={saving} onClick={() => next(isGraph ? form.access === 'delegated' : own)} autoFocus>{before === undefined ? t('connect.next') : t('app.save')}</Button>}{cancel !== undefined && <Button variant="subtle" color="gray" onClick={cancel}>{t('app.cancel')}</Button>}</Buttons>
    </form>
  )
}

const LIMIT = 20

function PeopleStep({ own, chosen, setChosen, next, back }: { own: boolean; chosen: ReadonlyMap<string, string>; setChosen: (next: ReadonlyMap<string, string>) => void; next: () => void; back: (() => void) | undefined }) {
  const { t } = useSpeech()
  const [search, setSearch] = useState('')
  const [needle] = useDebouncedValue(search, 250)
  const [offset, setOffset] = useState(0)
  const users = useQuery({ queryKey: ['connect-users', needle, offset], queryFn: () => api.get<Candidates>('/connect/users', { search: needle, offset, limit: LIMIT }), enabled: !own })
  const toggle = (name: string, mailbox: string | null) => {
    const after = new Map(chosen)
    if (!after.delete(name) && mailbox !== null) after.set(name, mailbox)
    setChosen(after)
  }
  return (
    <>
      <Head title={t('connect.people')} text={own ? t('connect.laterOwn') : t('connect.peopleText')} />
      {!own && (
        <>
          <TextInput type="search" aria-label={t('users.search')} placeholder={t('users.search')} leftSection={<Icon name="search" size={16} />} value={search} onChange={(event) => { setSearch(event.currentTarget.value); setOffset(0) }} mb="sm" maw={340} />
          <Loaded query={users}>{({ total, rows }) => total === 0 ? <Empty icon="users" title={t('users.none')} /> : (
            <>
              <Box component="ul" className="plain">{rows.map((row) => (
                <Box component="li" key={row.id} className="user-card">
                  <Checkbox disabled={row.suggested === null} checked={chosen.has(row.name)} onChange={() => toggle(row.name, row.suggested)} label={`${row.fullName || row.name} (${row.name})`} description={row.suggested ?? t('users.noAddress')} />
                </Box>
              ))}</Box>
              <Pager offset={offset} limit={LIMIT} total={total} onChange={setOffset} />
            </>
          )}</Loaded>
        </>
      )}
      <Buttons back={back}>{chosen.size > 0 && <Text size="sm" c="dimmed" role="status">{t('users.selected', { n: chosen.size })}</Text>}<Button disabled={!own && chosen.size === 0} onClick={next}>{t('connect.next')}</Button></Buttons>
    </>
  )
}

function PreviewStep({ own, chosen, back, finished }: { own: boolean; chosen: readonly Chosen[]; back: (() => void) | undefined; finished: () => void }) {
  const { t } = useSpeech()
  const [takeUp, setTakeUp] = useState('all')
  const [id, setId] = useState<string | null>(null)
  const begin = useMutation({ mutationFn: () => api.post<Task>('/connect/preview', { users: chosen }), onSuccess: (task) => setId(task.id) })
  const task = useQuery({ queryKey: ['tasks', id], queryFn: () => api.get<Task>(`/tasks/${id ?? ''}`), enabled: id !== null, refetchInterval: ({ state }) => (state.data?.state === 'running' ? 700 : false) })
  const finish = useMutation({ mutationFn: () => api.post('/connect/finish', { users: chosen, takeUp }), onSuccess: finished })
  const isRunning = begin.isPending || task.data?.state === 'running'
  return (
    <>
      <Head title={t('connect.preview')} text={own ? t('connect.laterOwn') : t('connect.previewText')} />
      {!own && id === null && <Button loading={begin.isPending} onClick={() => begin.mutate()}>{t('connect.previewRun')}</Button>}
      {begin.error !== null && <Box mt="md"><Trouble error={begin.error} /></Box>}
      {isRunning && <Group gap="sm" mt="md" role="status"><Loader size="sm" /><Text size="sm">{t('app.loading')}</Text></Group>}
      {task.data?.state === 'failed' && <Box mt="md"><Trouble error={new ApiError(500, 'TASK', task.data.error ?? '')} /></Box>}
      {task.data?.state === 'done' && <PreviewTable result={task.data.result as PreviewResult} />}
      {(own || task.data?.state === 'done') && !own && (
        <Radio.Group mt="xl" label={t('users.resetNext')} value={takeUp} onChange={setTakeUp}><Stack gap="xs" mt="xs"><Radio value="all" label={t('users.takeAll')} /><Radio value="new" label={t('users.takeNew')} /></Stack></Radio.Group>
      )}
      {finish.error !== null && <Box mt="md"><Trouble error={finish.error} /></Box>}
      <Buttons back={back}><Button disabled={!own && task.data?.state !== 'done'} loading={finish.isPending} onClick={() => finish.mutate()}>{t('connect.enable')}</Button></Buttons>
    </>
  )
}

function PreviewTable({ result }: { result: PreviewResult }) {
  const { t, maybe, number, said } = useSpeech()
  const what = { create: 'connect.willCreate', update: 'connect.willUpdate', delete: 'connect.willDelete' } as const
  const skipped = Object.entries(result.skippedBy)
  return (
    <Stack gap="md" mt="md" role="status">
      <Group gap="xl">
        <Box><Text size="xs" c="dimmed">{t('connect.mails')}</Text><Text fw={700} size="xl">{number(result.mails)}</Text></Box>
        <Box><Text size="xs" c="dimmed">{t('connect.paired')}</Text><Text fw={700} size="xl">{number(result.linked)}</Text></Box>
      </Group>
      {result.writes.length === 0 ? <Text size="sm">{t('connect.nothing')}</Text> : (
        <Table.ScrollContainer minWidth={460}><Table>
          <Table.Thead><Table.Tr><Table.Th>{t('users.mailbox')}</Table.Th><Table.Th>{t('connect.what')}</Table.Th><Table.Th ta="right">{t('connect.count')}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>{result.writes.map((row) => (
            <Table.Tr key={row.mailbox + row.side + row.type + row.kind}><Table.Td>{row.mailbox === '' ? t('side.crm') : row.mailbox}</Table.Td><Table.Td>{t(`kind.${row.kind as 'event'}s`)} {t(what[row.type as 'create'], { side: t(`side.${row.side as 'crm'}`) })}</Table.Td><Table.Td ta="right" fw={600}>{number(row.count)}</Table.Td></Table.Tr>
          ))}</Table.Tbody>
        </Table></Table.ScrollContainer>
      )}
      {skipped.map(([reason, count]) => <Text key={reason} size="sm" c="dimmed">{t('connect.leftAlone')}: {number(count)} – {maybe(`skip.${reason}`, reason)}</Text>)}
      {result.errors.map((error) => <Text key={error} size="sm" c="var(--mantine-color-error)" className="wrap">{said(error)}</Text>)}
    </Stack>
  )
}
