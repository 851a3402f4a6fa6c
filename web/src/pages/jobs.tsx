import { Badge, Box, Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { Job } from '../../../src/http/api-types.ts'
import { api } from '../api.ts'
import { useSpeech } from '../i18n/index.tsx'
import type { Speech } from '../i18n/index.tsx'
import { useAct } from '../parts/ask.tsx'
import { Ago, Loaded, PageHead, Trouble } from '../parts/basics.tsx'
import { Icon } from '../parts/icons.tsx'

const UNITS = { s: 'second', m: 'minute', h: 'hour' } as const

/** "every 600s" as people say it; a cron pattern as it is. */
function scheduleText(schedule: string, { t, language }: Speech): string {
  const daily = /^(\d{1,2}) (\d{1,2}) \* \* \*$/.exec(schedule)
  if (daily !== null) return t('jobs.daily', { time: `${daily[2]}:${(daily[1] ?? '').padStart(2, '0')}` })
  const match = /^every (\d+(?:\.\d+)?)(s|m|h)$/.exec(schedule)
  if (match === null) return schedule
  let [amount, unit] = [Number(match[1]), match[2] as 's' | 'm' | 'h']
  if (unit === 's' && amount % 60 === 0) [amount, unit] = [amount / 60, 'm']
  if (unit === 'm' && amount % 60 === 0) [amount, unit] = [amount / 60, 'h']
  return t('jobs.every', { time: new Intl.NumberFormat(language, { style: 'unit', unit: UNITS[unit], unitDisplay: 'long' }).format(amount) })
}

export default function Jobs() {
  const { t } = useSpeech()
  const jobs = useQuery({ queryKey: ['jobs'], queryFn: () => api.get<{ rows: readonly Job[] }>('/jobs'), refetchInterval: 3000 })
  const [editing, setEditing] = useState<Job | null>(null)
  return (
    <>
      <PageHead title={t('jobs.title')} text={t('jobs.text')} />
      <Box className="panel-card"><Loaded query={jobs}>{({ rows }) => <Box component="ul" className="plain">{rows.map((job) => <JobRow key={job.name} job={job} edit={() => setEditing(job)} changed={() => void jobs.refetch()} />)}</Box>}</Loaded></Box>
      {editing !== null && <ScheduleDialog job={editing} close={() => setEditing(null)} changed={() => void jobs.refetch()} />}
    </>
  )
}

function JobRow({ job, edit, changed }: { job: Job; edit: () => void; changed: () => void }) {
  const speech = useSpeech()
  const { t, maybe, ms, said } = speech
  const pause = useAct(() => api.patch(`/jobs/${job.name}`, { paused: !job.paused }), { then: changed })
  const run = useAct(() => api.post(`/jobs/${job.name}/run`), { done: t('jobs.asked'), then: changed })
  const name = maybe(`job.${job.name}`, job.name)
  return (
    <Box component="li" className="user-card">
      <Group justify="space-between" align="flex-start" gap="md">
        <Box flex="1 1 300px" miw={0}>
          <Group gap="xs" wrap="nowrap"><Text fw={600} size="sm" component="h2" m={0}>{name}</Text>
            {job.paused ? <Badge className="standing-badge" variant="light" color="gray" tt="none">{t('jobs.paused')}</Badge> : job.running ? <Badge className="standing-badge" variant="light" color="blue" tt="none">{t('jobs.running')}</Badge> : job.result !== null && <Badge className="standing-badge" variant="light" color={job.result === 'done' ? 'teal' : 'red'} tt="none">{t(`jobs.${job.result}`)}</Badge>}</Group>
          <Text size="sm" c="dimmed" mt={2}>{scheduleText(job.schedule, speech)}</Text>
          {job.message !== null && <Text size="sm" mt={4} className="wrap">{said(job.message)}</Text>}
        </Box>
        <Group gap="md" wrap="nowrap" align="flex-start">
          <Fact label={t('jobs.last')}><Ago at={job.lastRunAt} none={t('jobs.notYet')} narrow /></Fact>
          <Fact label={t('jobs.next')}>{job.paused ? '–' : <Ago at={job.nextRunAt} none="–" narrow />}</Fact>
          <Fact label={t('jobs.duration')}>{job.ms === null ? '–' : ms(job.ms)}</Fact>
        </Group>
        <Group gap="xs">
          <Button size="xs" variant="light" leftSection={<Icon name="play" size={14} />} aria-label={`${t('jobs.run')}: ${name}`} loading={run.isPending} onClick={() => run.mutate(undefined)}>{t('jobs.run')}</Button>
          <Button size="xs" variant="default" aria-label={`${job.paused ? t('jobs.resume') : t('jobs.pause')}: ${name}`} onClick={() => pause.mutate(undefined)}>{job.paused ? t('jobs.resume') : t('jobs.pause')}</Button>
          <Button size="xs" variant="default" aria-label={`${t('jobs.change')}: ${name}`} onClick={edit}>{t('jobs.schedule')}</Button>
        </Group>
      </Group>
    </Box>
  )
}

const Fact = ({ label, children }: { label: string; children: React.ReactNode }) => <Box w={{ base: 'auto', sm: 104 }}><Text size="xs" c="dimmed">{label}</Text><Text size="sm" component="div">{children}</Text></Box>

function ScheduleDialog({ job, close, changed }: { job: Job; close: () => void; changed: () => void }) {
  const speech = useSpeech()
  const { t, maybe } = speech
  const [schedule, setSchedule] = useState(job.schedule)
  const save = useAct((next: string) => api.patch(`/jobs/${job.name}`, { schedule: next }), { done: t('app.saved'), then: () => { changed(); close() } })
  return (
    <Modal opened onClose={close} title={maybe(`job.${job.name}`, job.name)} centered closeButtonProps={{ 'aria-label': t('app.close') }}>
      <form onSubmit={(event) => { event.preventDefault(); save.mutate(schedule) }}>
        <Stack gap="sm">
          <TextInput label={t('jobs.newSchedule')} description={t('jobs.scheduleHelp')} value={schedule} onChange={(event) => setSchedule(event.currentTarget.value)} data-autofocus />
          <Text size="sm" c="dimmed">{t('jobs.usual', { schedule: scheduleText(job.usualSchedule, speech) })}</Text>
          {save.error !== null && <Trouble error={save.error} />}
          <Group justify="flex-end"><Button variant="default" onClick={close}>{t('app.cancel')}</Button><Button type="submit" loading={save.isPending}>{t('app.save')}</Button></Group>
        </Stack>
      </form>
    </Modal>
  )
}
