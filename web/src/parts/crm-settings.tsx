import { Box, Button, Group, NumberInput, Text, TextInput, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { CrmSettings as Settings } from '../../../src/http/api-types.ts'
import { api } from '../api.ts'
import { useSpeech } from '../i18n/index.tsx'
import { useAct } from './ask.tsx'
import { Loaded } from './basics.tsx'
import { ChangeCrm } from './wizard.tsx'

/** How often the CRM is asked, and where it keeps the Exchange id. */
export function CrmSettings() {
  const { t } = useSpeech()
  const [changing, setChanging] = useState(false)
  const settings = useQuery({ queryKey: ['crm'], queryFn: () => api.get<Settings>('/connect/crm') })
  return (
    <Box className="panel-card" p="md" mb="lg" component="section">
      <Group justify="space-between" align="flex-start" gap="sm"><Title order={2} size="h5">{t('health.crm')}</Title>{!changing && <Button size="xs" variant="default" onClick={() => setChanging(true)}>{t('crm.signIn')}</Button>}</Group>
      <Loaded query={settings} rows={2}>{(found) => changing ? <Box mt="md"><ChangeCrm before={found} cancel={() => setChanging(false)} finished={() => { setChanging(false); void settings.refetch() }} /></Box> : <Form key={JSON.stringify(found)} found={found} saved={() => void settings.refetch()} />}</Loaded>
    </Box>
  )
}

function Form({ found, saved }: { found: Settings; saved: () => void }) {
  const { t } = useSpeech()
  const [form, setForm] = useState({ pollSeconds: found.pollSeconds, referenceField: found.referenceField })
  const changed = form.pollSeconds !== found.pollSeconds || form.referenceField !== found.referenceField
  const save = useAct(() => api.patch('/connect/crm', form), { done: t('app.saved'), then: saved })
  return (
    <form onSubmit={(event) => { event.preventDefault(); save.mutate(undefined) }}>
      <Text size="sm" c="dimmed" className="wrap" mb="sm">{found.url}, {found.username}</Text>
      <Group align="flex-start" gap="md">
        <NumberInput label={t('crm.pollSeconds')} description={t('crm.restarts')} min={1} max={3600} value={form.pollSeconds} onChange={(value) => { if (typeof value === 'number') setForm({ ...form, pollSeconds: value }) }} flex="1 1 220px" maw={320} />
        <TextInput label={t('crm.referenceField')} description={t('crm.referenceFieldHelp')} maxLength={100} value={form.referenceField} onChange={(event) => setForm({ ...form, referenceField: event.currentTarget.value })} flex="1 1 220px" maw={420} />
      </Group>
      <Button type="submit" size="sm" mt="md" variant="default" disabled={!changed} loading={save.isPending}>{t('app.save')}</Button>
    </form>
  )
}
