import { Box, Button, Group, MultiSelect, Select, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { CompanyPolicy, Groups as GroupList, UserPage } from '../../../src/http/api-types.ts'
import { api } from '../api.ts'
import { useSpeech } from '../i18n/index.tsx'
import { useAct } from '../parts/ask.tsx'
import { Empty, Loaded, PageHead } from '../parts/basics.tsx'

export default function Groups() {
  const { t } = useSpeech()
  const groups = useQuery({ queryKey: ['lanes', 'groups'], queryFn: () => api.get<GroupList>('/groups') })
  const [search, setSearch] = useState('')
  const people = useQuery({ queryKey: ['lanes', 'names', search], queryFn: () => api.get<UserPage>('/users', { search, limit: 100, sort: 'name' }) })
  const policy = useQuery({ queryKey: ['lanes', 'policy'], queryFn: () => api.get<CompanyPolicy>('/policy') })
  const setDefault = useAct((name: string | null) => {
    if (policy.data === undefined) return Promise.resolve()
    return api.put('/policy', { sync: policy.data.sync, policy: { ...policy.data.policy, defaultContactUser: name } })
  }, { done: t('app.saved'), then: () => { void groups.refetch(); void policy.refetch() } })
  const names = (people.data?.rows ?? []).map(({ name, fullName }) => ({ value: name, label: fullName === '' ? name : `${fullName} (${name})` }))
  return (
    <>
      <PageHead title={t('groups.title')} text={t('groups.text')} />
      <Loaded query={groups}>{({ rows, defaultContactUser }) => (
        <Stack gap="md">
          {rows.length === 0 && <Box className="panel-card"><Empty icon="groups" title={t('groups.none')} text={t('groups.noneText')} /></Box>}
          {rows.map((group) => <GroupCard key={group.id + group.members.join()} group={group} names={names} search={setSearch} saved={() => void groups.refetch()} />)}
          <Box className="panel-card" p="md">
            <Select label={t('groups.default')} description={t('groups.defaultText')} placeholder={t('groups.nobody')} clearable searchable onSearchChange={setSearch} value={defaultContactUser} data={withOwn(names, defaultContactUser === null ? [] : [defaultContactUser])} onChange={(value) => setDefault.mutate(value)} maw={420} clearButtonProps={{ 'aria-label': t('app.none') }} />
          </Box>
        </Stack>
      )}</Loaded>
    </>
  )
}

/** Whoever is chosen stays in the list, whatever is searched for. */
const withOwn = (names: readonly { value: string; label: string }[], own: readonly string[]) => [...names, ...own.filter((name) => !names.some(({ value }) => value === name)).map((name) => ({ value: name, label: name }))]

function GroupCard({ group, names, search, saved }: { group: GroupList['rows'][number]; names: readonly { value: string; label: string }[]; search: (text: string) => void; saved: () => void }) {
  const { t } = useSpeech()
  const [members, setMembers] = useState<string[]>([...group.members])
  const changed = members.toSorted().join() !== group.members.toSorted().join()
  const save = useAct(() => api.put(`/groups/${group.id}`, { members }), { done: t('app.saved'), then: saved })
  return (
    <Box className="panel-card" p="md" component="section">
      <Text fw={650} component="h2" m={0}>{group.name} <Text span size="sm" c="dimmed">{group.id}</Text></Text>
      <MultiSelect mt="sm" label={t('groups.members')} placeholder={t('groups.choose')} searchable onSearchChange={search} value={members} onChange={setMembers} data={withOwn(names, members)} hidePickedOptions />
      {members.length === 0 && <Text size="sm" c="dimmed" mt="xs">{t('groups.empty')}</Text>}
      {group.unconnected.length > 0 && <Text size="sm" c="dimmed" mt="xs">{t('groups.unconnected', { names: group.unconnected.join(', ') })}</Text>}
      {changed && <Group mt="sm" gap="xs"><Button size="xs" loading={save.isPending} onClick={() => save.mutate(undefined)}>{t('app.save')}</Button><Button size="xs" variant="default" onClick={() => setMembers([...group.members])}>{t('app.cancel')}</Button></Group>}
    </Box>
  )
}
