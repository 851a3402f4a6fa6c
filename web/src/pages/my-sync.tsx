import { Alert, Box, Button, Group, Progress, Stack, Text, ThemeIcon, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import type { Me, Writes } from '../../../src/http/api-types.ts'
import { api } from '../api.ts'
import { useSpeech } from '../i18n/index.tsx'
import type { Speech } from '../i18n/index.tsx'
import { useAct } from '../parts/ask.tsx'
import { COLOURS, Empty, Loaded, PageHead } from '../parts/basics.tsx'
import { Icon } from '../parts/icons.tsx'
import { useSession } from '../session.ts'
import { WriteRow } from './activity.tsx'
import { SkipTable } from './attention.tsx'

/** How it stands, as one would say it to a colleague. */
function sentenceOf({ user }: Me, { t, number, said }: Speech): string {
  switch (user.standing) {
    case 'starting': return t('my.starting', { linked: number(user.linked), waiting: number(user.waiting) })
    case 'degraded': return t('my.degraded', { n: number(Math.max(1, user.failing)) })
    case 'attention': return user.error === null ? t('my.attentionIssues', { n: number(user.issues) }) : t('my.attention', { what: said(user.error.message, user.error.code) })
    default: return t(`my.${user.standing}`)
  }
}

export default function MySync() {
  const speech = useSpeech()
  const { t, ago, number, said } = speech
  const { session } = useSession()
  const isReadOnly = session.seeAs !== null
  const me = useQuery({ queryKey: ['lanes', 'me'], queryFn: () => api.get<Me>('/me'), refetchInterval: 15_000 })
  const sync = useAct(() => api.post('/me/sync'), { done: t('my.title') + ': ' + t('me.synced'), then: () => void me.refetch() })
  return (
    <>
      <PageHead title={t('my.title')}>{me.data?.user.mailbox != null && !isReadOnly && <Button loading={sync.isPending} onClick={() => sync.mutate(undefined)} leftSection={<Icon name="mySync" size={16} />}>{t('me.syncNow')}</Button>}</PageHead>
      <Loaded query={me}>{(facts) => facts.user.mailbox === null
        ? <Box className="panel-card"><Empty icon="me" title={t('me.notConnected')} text={t('me.notConnectedText')}><Button component={Link} href="/me" mt="sm">{t('me.connect')}</Button></Empty></Box>
        : (
          <Stack gap="lg">
            <Box className="panel-card" p="lg">
              <Group wrap="nowrap" align="flex-start" gap="md">
                <ThemeIcon size={44} radius="xl" variant="light" color={COLOURS[facts.user.standing]}><Icon name={facts.user.standing === 'healthy' ? 'check' : facts.user.standing === 'attention' ? 'attention' : facts.user.standing === 'paused' ? 'pause' : 'mySync'} size={22} /></ThemeIcon>
                <Box miw={0} flex={1}>
                  <Text fw={650} size="lg" className="wrap" role="status">{sentenceOf(facts, speech)}</Text>
                  {facts.user.standing === 'starting' && <Progress my="sm" animated value={(100 * facts.user.linked) / Math.max(1, facts.user.linked + facts.user.waiting)} aria-label={t('users.firstSync')} />}
                  <Text size="sm" c="dimmed" mt={6}>{t('my.linked', { n: number(facts.user.linked) })} {facts.user.transport === 'streaming' ? t('my.live') : t('my.polling')}</Text>
                  <Text size="sm" c="dimmed">{t('my.lastToCrm', { time: facts.user.lastToCrm === null ? t('app.never') : ago(facts.user.lastToCrm) })}</Text>
                  <Text size="sm" c="dimmed">{t('my.lastToExchange', { time: facts.user.lastToExchange === null ? t('app.never') : ago(facts.user.lastToExchange) })}</Text>
                  {facts.user.cure !== null && <Alert color="blue" mt="sm" title={t('users.cure')}><Text size="sm" className="wrap">{said(facts.user.cure)}</Text></Alert>}
                  {facts.user.standing === 'attention' && facts.user.error === null && <Button component={Link} href="/attention" size="xs" mt="sm">{t('my.decide')}</Button>}
                </Box>
              </Group>
            </Box>
            <Box component="section"><Title order={2} size="h4" mb="sm">{t('my.skipped')}</Title><SkipTable every withUser={false} /></Box>
            <Box component="section"><Title order={2} size="h4" mb="sm">{t('my.recent')}</Title><Recent user={facts.user.name} /></Box>
          </Stack>
        )}</Loaded>
    </>
  )
}

function Recent({ user }: { user: string }) {
  const { t } = useSpeech()
  const writes = useQuery({ queryKey: ['activity', 'recent', user], queryFn: () => api.get<Writes>('/activity', { user, limit: 10 }) })
  return <Box className="panel-card"><Loaded query={writes} rows={3}>{({ rows }) => rows.length === 0 ? <Empty icon="activity" title={t('activity.none')} /> : <Box component="ul" className="plain">{rows.map((row) => <WriteRow key={row.id} row={row} withUser={false} />)}</Box>}</Loaded></Box>
}
