import { Alert, Badge, Box, Button, Center, Group, Skeleton, Stack, Text, ThemeIcon, Title, Tooltip } from '@mantine/core'
import type { ReactNode } from 'react'
import type { Standing } from '../../../src/http/api-types.ts'
import { ApiError } from '../api.ts'
import { useSpeech } from '../i18n/index.tsx'
import type { Speech } from '../i18n/index.tsx'
import { Icon } from './icons.tsx'
import type { IconName } from './icons.tsx'

export const COLOURS: Record<Standing, string> = { off: 'gray', starting: 'blue', healthy: 'teal', degraded: 'yellow', attention: 'red', paused: 'gray' }

export function PageHead({ title, text, children }: { title: string; text?: string; children?: ReactNode }) {
  return (
    <Group justify="space-between" align="flex-start" mb="lg" gap="sm">
      <Box flex="1 1 260px">
        <Title order={1} size="h2" tabIndex={-1} id="page-title">{title}</Title>
        {text !== undefined && <Text c="dimmed" mt={4} maw={720}>{text}</Text>}
      </Box>
      {children !== undefined && <Group gap="xs">{children}</Group>}
    </Group>
  )
}

export function StandingBadge({ standing }: { standing: Standing }) {
  const { t } = useSpeech()
  return <Badge className={`standing-badge ${standing}`} variant="light" color={COLOURS[standing]} tt="none" fw={600} leftSection={<span className={`dot ${standing}`} aria-hidden="true" />}>{t(`standing.${standing}`)}</Badge>
}

/** What went wrong, in the reader's language. */
export function troubleText(error: unknown, { t, said }: Speech): string {
  return error instanceof ApiError ? said(error.message, error.code) : t('app.offline')
}

export function Trouble({ error, retry }: { error: unknown; retry?: () => void }) {
  const speech = useSpeech()
  const { t } = speech
  const message = troubleText(error, speech)
  return (
    <Alert color="red" variant="light" title={t('app.failed')} icon={<Icon name="attention" />} role="alert">
      <Text size="sm" className="wrap">{message}</Text>
      {retry !== undefined && <Button size="xs" variant="default" mt="sm" onClick={retry}>{t('app.retry')}</Button>}
    </Alert>
  )
}

export function Empty({ icon, title, text, children }: { icon: IconName; title: string; text?: string; children?: ReactNode }) {
  return (
    <Center py={56} px="md">
      <Stack align="center" gap="xs" maw={420}>
        <ThemeIcon size={52} radius="xl" variant="light" color="gray"><Icon name={icon} size={26} /></ThemeIcon>
        <Text fw={600} mt={4} ta="center">{title}</Text>
        {text !== undefined && <Text c="dimmed" size="sm" ta="center">{text}</Text>}
        {children}
      </Stack>
    </Center>
  )
}

export function Rows({ count = 6, height = 44 }: { count?: number; height?: number }) {
  const { t } = useSpeech()
  return (
    <Stack gap="sm" p="md" role="status" aria-label={t('app.loading')}>
      {Array.from({ length: count }, (_, index) => <Skeleton key={index} height={height} radius="sm" />)}
    </Stack>
  )
}

/** Shows what a query has: the first loading, trouble, or its data. */
export function Loaded<T>({ query, children, rows }: { query: { data: T | undefined; error: unknown; isPending: boolean; refetch: () => unknown }; children: (data: T) => ReactNode; rows?: number }) {
  if (query.data !== undefined) return <>{children(query.data)}</>
  if (query.error !== null && query.error !== undefined) return <Box p="md"><Trouble error={query.error} retry={() => void query.refetch()} /></Box>
  return <Rows {...(rows === undefined ? {} : { count: rows })} />
}

/** A moment in words, exactly on demand. @param narrow where there is little room */
export function Ago({ at, none, narrow = false }: { at: string | null | undefined; none?: string; narrow?: boolean }) {
  const { ago, moment, t } = useSpeech()
  if (at === null || at === undefined) return <span className="dim">{none ?? t('app.never')}</span>
  return <Tooltip label={moment(at)}><time dateTime={at}>{ago(at, narrow)}</time></Tooltip>
}

export function Pager({ offset, limit, total, onChange }: { offset: number; limit: number; total: number; onChange: (offset: number) => void }) {
  const { t, number } = useSpeech()
  if (total <= limit) return null
  return (
    <Group justify="flex-end" p="sm" gap="xs">
      <Text size="sm" c="dimmed" aria-live="polite">{t('app.rows', { from: number(offset + 1), to: number(Math.min(total, offset + limit)), total: number(total) })}</Text>
      <Button size="compact-sm" variant="default" aria-label={t('app.previous')} disabled={offset === 0} onClick={() => onChange(Math.max(0, offset - limit))}><Icon name="left" size={16} /></Button>
      <Button size="compact-sm" variant="default" aria-label={t('app.next')} disabled={offset + limit >= total} onClick={() => onChange(offset + limit)}><Icon name="right" size={16} /></Button>
    </Group>
  )
}

export function CheckList({ checks }: { checks: readonly { name: string; ok: boolean; detail: string; cure: string }[] }) {
  const { maybe, said, t } = useSpeech()
  return (
    <Stack gap="sm" component="ul" className="plain">
      {checks.map((check) => (
        <Group key={check.name + check.detail} component="li" gap="sm" wrap="nowrap" align="flex-start">
          <ThemeIcon size={22} radius="xl" color={check.ok ? (check.cure === '' ? 'teal' : 'yellow') : 'red'} variant="light" role="img" aria-label={check.ok ? t('connect.passed') : t('connect.notPassed')}><Icon name={check.ok ? (check.cure === '' ? 'check' : 'attention') : 'cross'} size={13} /></ThemeIcon>
          <Box flex={1} miw={0}>
            <Text size="sm" fw={600}>{maybe(`check.${check.name}`, said(check.name))}</Text>
            <Text size="sm" c="dimmed" className="wrap">{said(check.detail)}</Text>
            {check.cure !== '' && !check.ok && <Text size="sm" mt={4} className="wrap cure">{said(check.cure)}</Text>}
          </Box>
        </Group>
      ))}
    </Stack>
  )
}
