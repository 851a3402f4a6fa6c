import { ActionIcon, AppShell, Avatar, Badge, Box, Burger, Button, Group, Menu, Text, UnstyledButton, useComputedColorScheme, useMantineColorScheme } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { useEffect } from 'react'
import type { ReactNode } from 'react'
import { Link, useLocation } from 'wouter'
import type { AttentionSummary, Person } from '../../src/http/api-types.ts'
import { api } from './api.ts'
import { useSpeech } from './i18n/index.tsx'
import type { Key } from './i18n/index.tsx'
import { Icon } from './parts/icons.tsx'
import type { IconName } from './parts/icons.tsx'
import { useSession } from './session.ts'

const ADMIN: readonly IconName[] = ['health', 'attention', 'activity', 'users', 'groups', 'policies', 'jobs', 'availability', 'connect', 'settings']
const OWN: readonly IconName[] = ['attention', 'activity']
const PATHS: Partial<Record<IconName, string>> = { mySync: '/my-sync' }

/** @param isAway the service does not answer: what is shown may be out of date */
export function Shell({ viewer, isAway, children }: { viewer: Person; isAway: boolean; children: ReactNode }) {
  const [opened, { toggle, close }] = useDisclosure(false)
  const [path] = useLocation()
  const { t } = useSpeech()
  const { session, seeAs } = useSession()
  useEffect(() => {
    close()
    window.scrollTo(0, 0)
    // Screen readers hear where they are now.
    setTimeout(() => document.getElementById('page-title')?.focus({ preventScroll: true }), 80)
  }, [path, close])
  return (
    <AppShell header={{ height: 56 }} navbar={{ width: 232, breakpoint: 'sm', collapsed: { mobile: !opened } }} padding={{ base: 'md', md: 'xl' }}>
      <a href="#main" className="skip-link">{t('app.skip')}</a>
      <AppShell.Header>
        <Group h="100%" px="md" gap="sm" wrap="nowrap">
          <Burger opened={opened} onClick={toggle} hiddenFrom="sm" size="sm" aria-label={t('app.menu')} aria-expanded={opened} />
          <Group gap={10} wrap="nowrap" miw={0}>
            <img src="/icon.svg" width={26} height={26} alt="" />
            <Text fw={650} truncate visibleFrom="xs">{t('app.name')}</Text>
          </Group>
          <Box flex={1} />
          <HeaderTools />
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="sm">
        <Nav viewer={viewer} />
      </AppShell.Navbar>
      <AppShell.Main id="main">
        {isAway && <Group className="panel-card" px="md" py="xs" mb="md" gap="xs" wrap="nowrap" role="status"><Icon name="attention" /><Text size="sm">{t('app.away')}</Text></Group>}
        {session.seeAs !== null && (
          <Group className="panel-card" px="md" py="xs" mb="md" justify="space-between" role="status">
            <Group gap="xs"><Icon name="eye" /><Text size="sm">{t('app.seeingAs', { name: session.seeAs.fullName })}</Text></Group>
            <Button size="xs" variant="default" onClick={() => { seeAs(null); history.replaceState(null, '', '/users') }}>{t('app.seeingAsEnd')}</Button>
          </Group>
        )}
        <Box maw={1240} mx="auto">{children}</Box>
      </AppShell.Main>
    </AppShell>
  )
}

function Nav({ viewer }: { viewer: Person }) {
  const { t } = useSpeech()
  const [path] = useLocation()
  const attention = useQuery({ queryKey: ['attention', 'summary'], queryFn: () => api.get<AttentionSummary>('/attention') })
  const waiting = (attention.data?.conflicts ?? 0) + (attention.data?.held ?? 0) + (attention.data?.mails ?? 0) + (attention.data?.failing ?? 0)
  const link = (name: IconName) => {
    const to = PATHS[name] ?? `/${name}`
    return (
      <Link key={name} href={to} className="nav-link" aria-current={path === to ? 'page' : undefined}>
        <Icon name={name} />
        <span>{t(`nav.${name}` as Key)}</span>
        {name === 'attention' && waiting > 0 && <Badge className="count" color="red" variant="filled" size="sm" circle={waiting < 10}>{waiting}</Badge>}
      </Link>
    )
  }
  return (
    <Box component="nav" aria-label={t('app.menu')}>
      {viewer.admin && <Text size="xs" c="dimmed" fw={600} px={12} pt={4} pb={6}>{t('nav.admin')}</Text>}
      {viewer.admin && ADMIN.map(link)}
      {viewer.admin && <Text size="xs" c="dimmed" fw={600} px={12} pt={18} pb={6}>{t('nav.mine')}</Text>}
      {link('mySync')}
      {link('me')}
      {!viewer.admin && OWN.map(link)}
    </Box>
  )
}

export function HeaderTools() {
  const { t, language, setLanguage } = useSpeech()
  const { setColorScheme } = useMantineColorScheme()
  const scheme = useComputedColorScheme('light')
  const { session, renew, seeAs } = useSession()
  const signOut = async () => {
    seeAs(null)
    await api.delete('/session').catch(() => undefined)
    history.replaceState(null, '', '/')
    await renew()
  }
  return (
    <Group gap={6} wrap="nowrap">
      <Menu position="bottom-end" width={160}>
        <Menu.Target><ActionIcon variant="subtle" color="gray" size="lg" aria-label={t('app.language')}><Icon name="globe" size={20} /></ActionIcon></Menu.Target>
        <Menu.Dropdown>
          <Menu.Item lang="en" {...(language === 'en' ? { rightSection: <Icon name="check" size={14} /> } : {})} onClick={() => setLanguage('en')}>English</Menu.Item>
          <Menu.Item lang="it" {...(language === 'it' ? { rightSection: <Icon name="check" size={14} /> } : {})} onClick={() => setLanguage('it')}>Italiano</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t('app.theme')} onClick={() => setColorScheme(scheme === 'dark' ? 'light' : 'dark')}><Icon name={scheme === 'dark' ? 'sun' : 'moon'} size={20} /></ActionIcon>
      {session.user !== null && (
        <Menu position="bottom-end" width={220}>
          <Menu.Target>
            <UnstyledButton aria-label={session.user.fullName}><Avatar size={32} radius="xl" color="blue" name={session.user.fullName} /></UnstyledButton>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Label>{session.user.fullName}</Menu.Label>
            <Menu.Item leftSection={<Icon name="out" size={16} />} onClick={() => void signOut()}>{t('app.signOut')}</Menu.Item>
          </Menu.Dropdown>
        </Menu>
      )}
    </Group>
  )
}
