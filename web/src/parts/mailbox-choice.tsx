import { Button, Select, Stack, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { Connections, UserRow } from '../../../src/http/api-types.ts'
import { api } from '../api.ts'
import { useSpeech } from '../i18n/index.tsx'

/** Which mailbox, and how it is opened, where the suggestion does not fit. */
export interface Wanted {
  readonly mailbox?: string
  readonly connection?: string
}

export const useConnections = () => useQuery({ queryKey: ['connections'], queryFn: () => api.get<Connections>('/connect/exchange') })

/** How a user's mailbox is connected: looked at first, then connected. */
export function MailboxChoice({ row, test, busy }: { row: UserRow; test: (wanted: Wanted) => void; busy: boolean }) {
  const { t } = useSpeech()
  const connections = useConnections()
  const names = connections.data?.rows.map(({ name }) => name) ?? []
  const [form, setForm] = useState({ mailbox: row.mailbox ?? row.suggested ?? '', connection: row.connection })
  const connection = form.connection ?? names[0] ?? null
  return (
    <form onSubmit={(event) => { event.preventDefault(); test({ mailbox: form.mailbox, ...(connection === null ? {} : { connection }) }) }}>
      <Stack gap="sm">
        <TextInput type="email" required label={t('users.mailbox')} value={form.mailbox} onChange={(event) => setForm({ ...form, mailbox: event.currentTarget.value })} />
        {names.length > 1 && <Select label={t('me.choose')} allowDeselect={false} value={connection} data={names} onChange={(value) => setForm({ ...form, connection: value })} />}
        <Button type="submit" size="sm" loading={busy} {...(row.mailbox === null ? {} : { variant: 'default' })}>{t('users.test')} + {t('users.enable')}</Button>
      </Stack>
    </form>
  )
}
