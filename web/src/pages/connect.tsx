import { Box, Button, Group, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useLocation } from 'wouter'
import type { Connections, Health } from '../../../src/http/api-types.ts'
import { api } from '../api.ts'
import { useSpeech } from '../i18n/index.tsx'
import { Confirm, useAct } from '../parts/ask.tsx'
import { Loaded, PageHead } from '../parts/basics.tsx'
import { CrmSettings } from '../parts/crm-settings.tsx'
import { ChangeConnection, Wizard } from '../parts/wizard.tsx'

type Connection = Connections['rows'][number]

export default function Connect() {
  const { t } = useSpeech()
  const [, go] = useLocation()
  const [adding, setAdding] = useState(false)
  const [changing, setChanging] = useState<string | null>(null)
  const [removing, setRemoving] = useState<string | null>(null)
  const connections = useQuery({ queryKey: ['connections'], queryFn: () => api.get<Connections>('/connect/exchange') })
  const health = useQuery({ queryKey: ['lanes', 'health'], queryFn: () => api.get<Health>('/health') })
  const remove = useAct((name: string) => api.delete(`/connect/exchange/${encodeURIComponent(name)}`), { done: t('app.done'), then: () => { setRemoving(null); void connections.refetch(); void health.refetch() } })
  const how = (one: Connection) => one.kind === 'graph' ? t(`connect.access.${one.access ?? 'delegated'}`) : one.impersonation ? t('connect.service') : one.delegation === true ? t('connect.delegation') : t('connect.own')
  return (
    <>
      <PageHead title={t('connect.title')} text={t('connect.text')}>{!adding && <Button onClick={() => setAdding(true)}>{t('connect.add')}</Button>}</PageHead>
      {adding && <Box mb="lg"><Wizard withCrm={false} finished={() => { notifications.show({ message: t('connect.finished'), color: 'teal', closeButtonProps: { 'aria-label': t('app.close') } }); go('/health') }} /></Box>}
      <CrmSettings />
      <Box className="panel-card"><Loaded query={connections}>{({ rows }) => (
        <Box component="ul" className="plain">
          {rows.map((one) => {
            const mailboxes = health.data?.connections.find(({ name }) => name === one.name)?.mailboxes
            return (
              <Box component="li" key={one.name} className="user-card">
                <Group justify="space-between" gap="sm" align="flex-start">
                  <Box miw={0} flex="1 1 240px"><Text component="h2" m={0} fw={600} size="sm">{one.name}</Text><Text size="sm" c="dimmed" className="wrap">{t(`connect.kind.${one.kind}`)}{one.url === undefined ? '' : `, ${one.url}`}. {how(one)}.</Text></Box>
                  <Group gap="sm">
                    {mailboxes !== undefined && <Text size="sm">{t('health.mailboxes', { n: mailboxes })}</Text>}
                    {changing !== one.name && <Button size="xs" variant="default" aria-label={`${t('connect.change')}: ${one.name}`} onClick={() => setChanging(one.name)}>{t('connect.change')}</Button>}
                    {mailboxes === 0 && rows.length > 1 && <Button size="xs" variant="default" aria-label={`${t('connect.remove')}: ${one.name}`} onClick={() => setRemoving(one.name)}>{t('connect.remove')}</Button>}
                  </Group>
                </Group>
                {changing === one.name && <Box mt="md"><ChangeConnection before={one} cancel={() => setChanging(null)} finished={() => { setChanging(null); void connections.refetch() }} /></Box>}
              </Box>
            )
          })}
        </Box>
      )}</Loaded></Box>
      <Confirm opened={removing !== null} title={t('connect.removeTitle', { name: removing ?? '' })} action={t('connect.remove')} colour="red" busy={remove.isPending} onClose={() => setRemoving(null)} onConfirm={() => removing !== null && remove.mutate(removing)} />
    </>
  )
}
