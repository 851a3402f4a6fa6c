import { Center, Loader } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { lazy, Suspense, useEffect, useState } from 'react'
import { Redirect, Route, Switch, useLocation } from 'wouter'
import type { Session } from '../../src/http/api-types.ts'
import { api } from './api.ts'
import { SpeechProvider, useSpeech } from './i18n/index.tsx'
import { useLive } from './live.ts'
import { Empty, Trouble } from './parts/basics.tsx'
import { SessionContext } from './session.ts'
import { Shell } from './shell.tsx'

const Activity = lazy(() => import('./pages/activity.tsx'))
const Attention = lazy(() => import('./pages/attention.tsx'))
const Availability = lazy(() => import('./pages/availability.tsx'))
const Connect = lazy(() => import('./pages/connect.tsx'))
const Groups = lazy(() => import('./pages/groups.tsx'))
const Health = lazy(() => import('./pages/health.tsx'))
const Jobs = lazy(() => import('./pages/jobs.tsx'))
const Me = lazy(() => import('./pages/me.tsx'))
const MySync = lazy(() => import('./pages/my-sync.tsx'))
const Policies = lazy(() => import('./pages/policies.tsx'))
const Settings = lazy(() => import('./pages/settings.tsx'))
const SetUp = lazy(() => import('./pages/set-up.tsx'))
const SignIn = lazy(() => import('./pages/sign-in.tsx'))
const Users = lazy(() => import('./pages/users.tsx'))

export function App() {
  const client = useQueryClient()
  const [seeAs, setSeeAs] = useState<string | null>(null)
  const session = useQuery({ queryKey: ['session', seeAs], queryFn: () => api.get<Session>('/session').then((found) => { api.setCsrf(found.csrf); return found }), retry: 2, staleTime: Number.POSITIVE_INFINITY })
  useEffect(() => api.whenSignedOut(() => void client.invalidateQueries({ queryKey: ['session'] })), [client])
  const zone = session.data?.user?.zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone
  const context = {
    session: session.data,
    seeAs: (id: string | null) => {
      api.setSeeAs(id)
      client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'session' })
      setSeeAs(id)
    },
    renew: () => client.resetQueries(),
  }
  return (
    <SpeechProvider zone={zone}>
      {session.data === undefined
        ? <Center mih="100vh" p="md">{session.error === null ? <Loader aria-label="…" /> : <Trouble error={session.error} retry={() => void session.refetch()} />}</Center>
        : <SessionContext value={{ ...context, session: session.data }}><Inside session={session.data} /></SessionContext>}
    </SpeechProvider>
  )
}

function Inside({ session }: { session: Session }) {
  const [path] = useLocation()
  const viewer = session.seeAs ?? session.user
  const isAway = useLive(session.user !== null)
  const waiting = <Center mih={300}><Loader /></Center>
  if (path === '/setup') return <Suspense fallback={waiting}><SetUp /></Suspense>
  if (viewer === null) return <Suspense fallback={waiting}><SignIn /></Suspense>
  return (
    <Shell viewer={viewer} isAway={isAway}>
      <Suspense fallback={waiting}>
        <Switch>
          <Route path="/">{viewer.admin ? <Redirect to="/health" replace /> : <Redirect to="/my-sync" replace />}</Route>
          {viewer.admin && <Route path="/health" component={Health} />}
          {viewer.admin && <Route path="/users" component={Users} />}
          {viewer.admin && <Route path="/groups" component={Groups} />}
          {viewer.admin && <Route path="/policies" component={Policies} />}
          {viewer.admin && <Route path="/jobs" component={Jobs} />}
          {viewer.admin && <Route path="/connect" component={Connect} />}
          {viewer.admin && <Route path="/settings" component={Settings} />}
          {viewer.admin && <Route path="/availability" component={Availability} />}
          <Route path="/activity" component={Activity} />
          <Route path="/attention" component={Attention} />
          <Route path="/me" component={Me} />
          <Route path="/my-sync" component={MySync} />
          <Route component={Gone} />
        </Switch>
      </Suspense>
    </Shell>
  )
}

function Gone() {
  const { t } = useSpeech()
  return <Empty icon="search" title={t('app.gone')} text={t('app.goneText')} />
}
