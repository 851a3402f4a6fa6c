import { Alert, Anchor, Box, Button, Code, CopyButton, Group, NumberInput, Select, Stack, Text, TextInput, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { Token } from '../../../src/http/api-types.ts'
import { api } from '../api.ts'
import { useSpeech } from '../i18n/index.tsx'
import { Confirm, useAct } from '../parts/ask.tsx'
import { Ago, Empty, Loaded, PageHead } from '../parts/basics.tsx'

export default function Settings() {
  const { t } = useSpeech()
  const tokens = useQuery({ queryKey: ['tokens'], queryFn: () => api.get<{ rows: readonly Token[] }>('/tokens') })
  const [form, setForm] = useState({ name: '', scope: 'read', days: 90 })
  const [withdrawing, setWithdrawing] = useState<Token | null>(null)
  const make = useAct(() => api.post<{ secret: string }>('/tokens', form), { then: () => { setForm({ name: '', scope: 'read', days: 90 }); void tokens.refetch() } })
  const withdraw = useAct((id: string) => api.delete(`/tokens/${id}`), { done: t('app.done'), then: () => { setWithdrawing(null); void tokens.refetch() } })
  return (
    <>
      <PageHead title={t('settings.title')} text={t('settings.tokensText')} />
      <Stack gap="md">
        <Group gap="lg"><Anchor href="/api/openapi.json" target="_blank">{t('settings.api')}</Anchor><Anchor href="/metrics" target="_blank">{t('settings.metrics')}</Anchor></Group>
        <Box className="panel-card" p="md" component="section">
          <Title order={2} size="h5" mb="sm">{t('settings.newToken')}</Title>
          <form onSubmit={(event) => { event.preventDefault(); make.mutate(undefined) }}>
            <Group align="flex-end" gap="sm">
              <TextInput label={t('settings.tokenName')} required value={form.name} onChange={(event) => setForm({ ...form, name: event.currentTarget.value })} flex="1 1 220px" maxLength={100} />
              <Select label={t('settings.scope')} allowDeselect={false} value={form.scope} onChange={(scope) => scope !== null && setForm({ ...form, scope })} data={(['read', 'all'] as const).map((value) => ({ value, label: t(`settings.scope.${value}`) }))} w={180} />
              <NumberInput label={t('settings.days')} min={1} max={730} value={form.days} onChange={(days) => setForm({ ...form, days: typeof days === 'number' ? days : 90 })} w={160} />
              <Button type="submit" loading={make.isPending}>{t('settings.make')}</Button>
            </Group>
          </form>
          {make.data !== undefined && (
            <Alert mt="md" color="teal" role="status">
              <Text size="sm" mb="xs">{t('settings.once')}</Text>
              <Group gap="sm"><Code className="wrap">{make.data.secret}</Code><CopyButton value={make.data.secret}>{({ copied, copy }) => <Button size="xs" variant="default" onClick={copy}>{copied ? t('settings.copied') : t('settings.copy')}</Button>}</CopyButton></Group>
            </Alert>
          )}
        </Box>
        <Box className="panel-card" component="section">
          <Title order={2} size="h5" p="md" pb={0}>{t('settings.tokens')}</Title>
          <Loaded query={tokens} rows={2}>{({ rows }) => rows.length === 0 ? <Empty icon="settings" title={t('settings.noTokens')} /> : (
            <Box component="ul" className="plain">{rows.map((token) => (
              <Box component="li" key={token.id} className="user-card"><Group justify="space-between" gap="sm">
                <Box miw={0}><Text size="sm" fw={600} className="wrap">{token.name} <Text span size="sm" c="dimmed">({t(`settings.scope.${token.scope}`)})</Text></Text>
                  <Text size="xs" c="dimmed" component="div">{t('settings.by')} {token.userName} · {t('settings.used')}: <Ago at={token.usedAt} /> · {t('settings.ends')}: <Ago at={token.expiresAt} /></Text></Box>
                <Button size="xs" variant="default" onClick={() => setWithdrawing(token)}>{t('settings.withdraw')}</Button>
              </Group></Box>
            ))}</Box>
          )}</Loaded>
        </Box>
      </Stack>
      <Confirm opened={withdrawing !== null} title={`${t('settings.withdraw')}: ${withdrawing?.name ?? ''}`} action={t('settings.withdraw')} colour="red" busy={withdraw.isPending} onClose={() => setWithdrawing(null)} onConfirm={() => withdrawing !== null && withdraw.mutate(withdrawing.id)} />
    </>
  )
}
