import { Alert, Anchor, Box, Grid, Group, SegmentedControl, SimpleGrid, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link } from 'wouter'
import type { Health as HealthFacts, Latency, Standing } from '../../../src/http/api-types.ts'
import { api } from '../api.ts'
import { useSpeech } from '../i18n/index.tsx'
import { Ago, Loaded, PageHead } from '../parts/basics.tsx'
import { Icon } from '../parts/icons.tsx'
import { LatencyChart } from '../parts/latency-chart.tsx'

const COUNTERS: readonly Exclude<Standing, 'off'>[] = ['healthy', 'starting', 'degraded', 'attention', 'paused']

export default function Health() {
  const { t } = useSpeech()
  const health = useQuery({ queryKey: ['lanes', 'health'], queryFn: () => api.get<HealthFacts>('/health'), refetchInterval: 10_000 })
  return (
    <>
      <PageHead title={t('health.title')} text={t('health.text')} />
      <Loaded query={health}>{(facts) => (
        <Stack gap="md">
          {facts.crm.error !== null && <CrmTrouble crm={facts.crm} />}
          <SimpleGrid cols={{ base: 2, xs: 3, md: 5 }} spacing="sm">
            {COUNTERS.map((standing) => (
              <Link key={standing} href={`/users?standing=${standing}`} className="counter">
                <Group gap={8} mb={6} wrap="nowrap"><span className={`dot ${standing}`} aria-hidden="true" /><Text size="sm">{t(`standing.${standing}`)}</Text></Group>
                <span className="number">{facts.counts[standing]}</span>
              </Link>
            ))}
          </SimpleGrid>
          <LatencyCard />
          <Grid>
            <Grid.Col span={{ base: 12, sm: 6, lg: 4 }}><QueueCard facts={facts} /></Grid.Col>
            <Grid.Col span={{ base: 12, sm: 6, lg: 4 }}><WaitingCard facts={facts} /></Grid.Col>
            <Grid.Col span={{ base: 12, sm: 6, lg: 4 }}><ExpiryCard facts={facts} /></Grid.Col>
            <Grid.Col span={{ base: 12, sm: 6, lg: 8 }}><ConnectionsCard facts={facts} /></Grid.Col>
            <Grid.Col span={{ base: 12, sm: 6, lg: 4 }}><DatabaseCard facts={facts} /></Grid.Col>
          </Grid>
        </Stack>
      )}</Loaded>
    </>
  )
}

function CrmTrouble({ crm }: { crm: HealthFacts['crm'] }) {
  const { t, said } = useSpeech()
  return (
    <Alert color="red" icon={<Icon name="attention" />} title={`${t('health.crm')} ${t('health.crmFailing')}`} role="alert">
      <Text size="sm" className="wrap">{said(crm.error?.message ?? '', crm.error?.code)}</Text>
      {crm.cure !== null && <Text size="sm" mt="xs" className="cure">{said(crm.cure)}</Text>}
    </Alert>
  )
}

function Card({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <Box className="panel-card" p="md" h="100%" component="section">
      <Title order={2} size="h5" mb="sm">{title}</Title>
      {children}
    </Box>
  )
}

function Line({ label, children }: { label: React.ReactNode; children: React.ReactNode }) {
  return <Group justify="space-between" gap="sm" py={4} wrap="nowrap" align="baseline"><Text size="sm" c="dimmed">{label}</Text><Text size="sm" fw={600} ta="right" component="div" className="nowrap">{children}</Text></Group>
}

function LatencyCard() {
  const { t } = useSpeech()
  const [span, setSpan] = useState<'hour' | 'day'>('hour')
  const latency = useQuery({ queryKey: ['activity', 'latency', span], queryFn: () => api.get<Latency>('/latency', { span }), refetchInterval: 10_000 })
  return (
    <Box className="panel-card" p="md" component="section">
      <Group justify="space-between" mb="sm">
        <Box><Title order={2} size="h5">{t('health.latency')}</Title><Text size="sm" c="dimmed">{t('health.latencyText')}</Text></Box>
        <SegmentedControl size="xs" aria-label={t('health.latency')} value={span} onChange={(value) => setSpan(value as 'hour' | 'day')} data={[{ value: 'hour', label: t('health.hour') }, { value: 'day', label: t('health.day') }]} />
      </Group>
      <Loaded query={latency} rows={2}>{(data) => (
        <SimpleGrid cols={{ base: 1, md: 2 }} spacing="xl">
          <LatencyChart latency={data} side="crm" />
          <LatencyChart latency={data} side="exchange" />
        </SimpleGrid>
      )}</Loaded>
      <Group gap="lg" mt="sm"><Text size="xs" c="dimmed"><span className="legend p50" aria-hidden="true" />{t('health.p50')}</Text><Text size="xs" c="dimmed"><span className="legend p95" aria-hidden="true" />{t('health.p95')}</Text></Group>
    </Box>
  )
}

function QueueCard({ facts: { queue, linked } }: { facts: HealthFacts }) {
  const { t, number } = useSpeech()
  return (
    <Card title={t('health.queue')}>
      <Line label={t('health.waiting')}>{number(queue.changes)}</Line>
      <Line label={t('health.oldest')}><Ago at={queue.oldestDue} none={t('health.nothingWaits')} /></Line>
      <Line label={t('health.failing')}>{number(queue.failing)}</Line>
      <Line label={t('health.lanes')}>{number(queue.running)}</Line>
      <Line label={t('health.linked')}>{number(linked)}</Line>
    </Card>
  )
}

function WaitingCard({ facts: { attention } }: { facts: HealthFacts }) {
  const { t, number } = useSpeech()
  const total = attention.conflicts + attention.held + attention.mails + attention.failing
  return (
    <Card title={t('health.waits')}>
      {total === 0 && <Group gap="xs"><Icon name="check" /><Text size="sm">{t('health.nobodyWaits')}</Text></Group>}
      {total > 0 && (['conflicts', 'held', 'mails', 'failing'] as const).map((what) => (
        <Line key={what} label={<Anchor component={Link} href={`/attention?tab=${what}`} size="sm">{t(`attention.${what}`)}</Anchor>}>{number(attention[what])}</Line>
      ))}
    </Card>
  )
}

const SOON_MS = 14 * 86_400_000
const isSoon = (at: string) => Date.parse(at) - Date.now() < SOON_MS

function ExpiryCard({ facts: { expiries } }: { facts: HealthFacts }) {
  const { t } = useSpeech()
  return (
    <Card title={t('health.expiries')}>
      {expiries.length === 0 && <Text size="sm" c="dimmed">{t('health.noExpiries')}</Text>}
      {expiries.slice(0, 5).map((expiry) => <Line key={`${expiry.what}${expiry.of}${expiry.at}`} label={t(`health.${expiry.what}`, { of: expiry.of })}><span {...(isSoon(expiry.at) ? { style: { color: 'var(--mantine-color-error)' } } : {})}><Ago at={expiry.at} /></span></Line>)}
    </Card>
  )
}

function ConnectionsCard({ facts: { crm, connections, transports } }: { facts: HealthFacts }) {
  const { t } = useSpeech()
  return (
    <Card title={t('health.connections')}>
      <Line label={<><b>{t('health.crm')}</b> <span className="wrap">{crm.url}</span></>}>{crm.state === 'ok' ? t('health.crmOk') : crm.state === 'failing' ? t('health.crmFailing') : t('health.crmNew')}</Line>
      {connections.map((one) => (
        <Line key={one.name} label={<><b>{one.name}</b> <span className="wrap">{t(`connect.kind.${one.kind as 'ews' | 'graph'}`)}{one.url === null ? '' : `, ${one.url}`}</span></>}>{t('health.mailboxes', { n: one.mailboxes })}{one.failing > 0 && <span className="bad">{`, ${t('health.failingOf', { n: one.failing })}`}</span>}</Line>
      ))}
      <Text size="xs" c="dimmed" fw={600} mt="sm">{t('health.how')}</Text>
      <Line label={t('transport.streaming')}>{transports.streaming}</Line>
      <Line label={t('transport.polling')}>{transports.polling}</Line>
    </Card>
  )
}

function DatabaseCard({ facts: { database } }: { facts: HealthFacts }) {
  const { t, ms, number } = useSpeech()
  const size = `${number(Math.round(database.bytes / 1_048_576))} MB`
  return (
    <Card title={t('health.database')}>
      <Text size="sm">{t('health.databaseText', { version: database.version ?? '?', size })}{database.embedded ? `, ${t('health.embedded')}` : ''}</Text>
      <Text size="sm" c="dimmed" mt={4}>{t('health.answersIn', { time: ms(Math.max(1, database.answerMs)) })}</Text>
    </Card>
  )
}
