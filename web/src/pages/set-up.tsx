import { Box, Button, Center, Group, Text, Title } from '@mantine/core'
import { useEffect, useState } from 'react'
import { api } from '../api.ts'
import { useSpeech } from '../i18n/index.tsx'
import { Empty } from '../parts/basics.tsx'
import { Wizard } from '../parts/wizard.tsx'
import { useSession } from '../session.ts'
import { HeaderTools } from '../shell.tsx'

/** The token stands behind the "#": it goes into no log on the way, and out of the address at once. */
function takeToken(): string | null {
  const token = window.location.hash.slice(1)
  if (token !== '') history.replaceState(null, '', '/setup')
  return token === '' ? null : token
}

export default function SetUp() {
  const { t } = useSpeech()
  const { session, renew } = useSession()
  const [token] = useState(takeToken)
  const [finished, setFinished] = useState(false)
  useEffect(() => {
    api.setSetupToken(token)
    return () => api.setSetupToken(null)
  }, [token])
  const leave = async () => {
    api.setSetupToken(null)
    history.replaceState(null, '', '/')
    await renew()
  }
  return (
    <Box component="main" mih="100vh" px="md" pb="xl">
      <Group justify="space-between" py="sm"><Group gap="sm"><img src="/icon.svg" width={28} height={28} alt="" /><Text fw={650}>{t('app.name')}</Text></Group><HeaderTools /></Group>
      <Box maw={860} mx="auto" mt={{ base: 'md', sm: 40 }}>
        <Title order={1} size="h2">{t('connect.setupTitle')}</Title>
        <Text c="dimmed" mb="lg" mt={4}>{t('connect.text')}</Text>
        {finished || session.configured
          ? <Center className="panel-card"><Empty icon="check" title={t('connect.finished')}><Button mt="sm" onClick={() => void leave()}>{t('connect.toSignIn')}</Button></Empty></Center>
          : token === null ? <Center className="panel-card"><Empty icon="shield" title={t('connect.badToken')} text={t('signIn.setup')} /></Center> : <Wizard withCrm finished={() => setFinished(true)} />}
      </Box>
    </Box>
  )
}
