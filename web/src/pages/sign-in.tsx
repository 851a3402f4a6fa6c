import { Alert, Box, Button, Center, Group, Paper, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { api } from '../api.ts'
import { useSpeech } from '../i18n/index.tsx'
import { Trouble } from '../parts/basics.tsx'
import { useSession } from '../session.ts'
import { HeaderTools } from '../shell.tsx'

export default function SignIn() {
  const { t } = useSpeech()
  const { session, renew } = useSession()
  const [username, setUsername] = useState('')
  const [password, setPassword] = useState('')
  const signIn = useMutation({ mutationFn: () => api.post('/session', { username, password }), onSuccess: () => renew() })
  return (
    <Box component="main" mih="100vh">
      <Group justify="flex-end" p="sm"><HeaderTools /></Group>
      <Center px="md" pt={{ base: 20, sm: 70 }}>
        <Paper className="panel-card" p={{ base: 'lg', sm: 32 }} w="100%" maw={400}>
          <Group gap="sm" mb="lg"><img src="/icon.svg" width={34} height={34} alt="" /><Text fw={650} size="lg">{t('app.name')}</Text></Group>
          <Title order={1} size="h3">{t('signIn.title')}</Title>
          <Text c="dimmed" size="sm" mt={4} mb="lg">{t('signIn.text')}</Text>
          {!session.configured && <Alert color="blue" mb="md">{t('signIn.setup')}</Alert>}
          <form onSubmit={(event) => { event.preventDefault(); signIn.mutate() }}>
            <Stack gap="md">
              <TextInput label={t('signIn.username')} name="username" autoComplete="username" required value={username} onChange={(event) => setUsername(event.currentTarget.value)} autoFocus />
              <PasswordInput label={t('signIn.password')} name="password" autoComplete="current-password" required value={password} onChange={(event) => setPassword(event.currentTarget.value)} />
              {signIn.error !== null && <Trouble error={signIn.error} />}
              <Button type="submit" loading={signIn.isPending} disabled={!session.configured}>{t('signIn.button')}</Button>
            </Stack>
          </form>
        </Paper>
      </Center>
    </Box>
  )
}
