import { Button, Group, Stack, Switch, TagsInput, Text } from '@mantine/core'
import { useState } from 'react'
import type { UserRow } from '../../../src/http/api-types.ts'
import { api } from '../api.ts'
import { useSpeech } from '../i18n/index.tsx'
import { useAct } from './ask.tsx'

/** What an administrator decides about one connected mailbox. */
export function UserSettings({ row, saved }: { row: UserRow; saved: () => void }) {
  const { t } = useSpeech()
  const [form, setForm] = useState({ aliases: [...row.aliases], availabilityOnly: row.availabilityOnly })
  const changed = JSON.stringify(form) !== JSON.stringify({ aliases: row.aliases, availabilityOnly: row.availabilityOnly })
  const save = useAct(() => api.patch(`/users/${row.id}`, form), { done: t('app.saved'), then: saved })
  return (
    <form onSubmit={(event) => { event.preventDefault(); save.mutate(undefined) }}>
      <Stack gap="sm">
        <TagsInput label={t('users.aliases')} description={t('users.aliasesHelp')} value={form.aliases} onChange={(aliases) => setForm({ ...form, aliases })} />
        <Switch label={t('users.availabilityOnly')} description={t('users.availabilityOnlyHelp')} checked={form.availabilityOnly} onChange={(event) => setForm({ ...form, availabilityOnly: event.currentTarget.checked })} />
        <Group gap="sm"><Button type="submit" size="sm" variant="default" disabled={!changed} loading={save.isPending}>{t('app.save')}</Button>{changed && <Text size="sm" c="dimmed" role="status">{t('app.unsaved')}</Text>}</Group>
      </Stack>
    </form>
  )
}
