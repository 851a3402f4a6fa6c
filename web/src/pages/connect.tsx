import { Box, Button, Group, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useLocation } from 'wouter'
import type { Health } from '../../../src/http/api-types.ts'
import { api } from '../api.ts'
import { useSpeech } from '../i18n/index.tsx'
import { Confirm, useAct } from '../parts/ask.tsx'
import { Loaded, PageHead } from '../parts/basics.tsx'
import { CrmSettings } from '../parts/crm-settings.tsx'
import { Wizard } from '../parts/wizard.tsx'

export default function Connect() {
  const { t } = useSpeech()
  const [, go] = useLocation()
  const [adding, setAdding] = useState(false)
  const [removing, setRemoving] = useState<string | null>(null)
  const health = useQuery({ queryKey: ['lanes', 'health'], queryFn: () => api.get<Health>('/health') })
  const remove = useAct((name: string) => api.delete(`/connect/exchange/${encodeURIComponent(name)}`), { done: t('app.done'), then: () => { setRemoving(null); void health.refetch() } })
  return (
    <>
      <PageHead title={t('connect.title')} text={t('connect.text')}>{!adding && <Button onClick={() => setAdding(true)}>{t('connect.add')}</Button>}</PageHead>
      {adding && <Box mb="lg"><Wizard withCrm={false} finished={() => { notifications.show({ message: t('connect.finished'), color: 'teal', closeButtonProps: { 'aria-label': t('app.close') } }); go('/health') }} /></Box>}
      <CrmSettings />
      <Box className="panel-card"><Loaded query={health}>{({ connections }) => (
        <Box component="ul" className="plain">
          {connections.map((one) => (
            <Box component="li" key={one.name} className="user-card">
              <Group justify="space-between" gap="sm">
                <Box miw={0} flex="1 1 240px"><Text fw={600} size="sm">{one.name}</Text><Text size="sm" c="dimmed" className="wrap">{t(`connect.kind.${one.kind as 'ews' | 'graph'}`)}{one.url === null ? '' : `, ${one.url}`}, {one.impersonation ? t('connect.service') : t('connect.own')}</Text></Box>
                <Group gap="sm"><Text size="sm">{t('health.mailboxes', { n: one.mailboxes })}</Text>{one.mailboxes === 0 && connections.length > 1 && <Button size="xs" variant="default" onClick={() => setRemoving(one.name)}>{t('connect.remove')}</Button>}</Group>
              </Group>
            </Box>
          ))}
        </Box>
      )}</Loaded></Box>
      <Confirm opened={removing !== null} title={t('connect.removeTitle', { name: removing ?? '' })} action={t('connect.remove')} colour="red" busy={remove.isPending} onClose={() => setRemoving(null)} onConfirm={() => removing !== null && remove.mutate(removing)} />
    </>
  )
}
