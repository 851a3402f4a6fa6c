/**
 * What the control panel does, without HTTP: who may come in, what is shown, what is decided, and the service of this
 * process, which follows the configuration. Reading order: station (the service), users, attention, me.
 */
import type { Config, Surroundings } from '../config.ts'
import type { Log } from '../ports.ts'
import type { PostgresStore } from '../store/index.ts'
import { openActivity } from './activity.ts'
import { openAttention } from './attention.ts'
import { openAvailability } from './availability.ts'
import { openConnect } from './connect.ts'
import { lookAtCertificates } from './expiries.ts'
import { openHealth } from './health.ts'
import { recordLatencies } from './latency.ts'
import { openLive } from './live.ts'
import { openMe } from './me.ts'
import { openPolicies } from './policies.ts'
import { microsoft365, openPopUps } from './pop-up.ts'
import type { PopUpSignIn } from './pop-up.ts'
import { openDoor } from './sign-in.ts'
import { openStation } from './station.ts'
import { openTasks } from './tasks.ts'
import { openTimetable } from './timetable.ts'
import { openUsers } from './users.ts'

export { Refusal, refused } from './errors.ts'
export type { Topic } from './live.ts'
export type { PopUpSignIn } from './pop-up.ts'
export { digest, sameSecret } from './sign-in.ts'
export type { Viewer } from './viewer.ts'
export { mailboxOf, mustBeAdmin } from './viewer.ts'

export type Policies = ReturnType<typeof openPolicies>
export type Panel = Awaited<ReturnType<typeof openPanel>>

export interface PanelOptions {
  readonly store: PostgresStore
  /** The configuration file; null where there is none. */
  readonly fromFile: Config | null
  readonly log: Log
  /** What the process was started with. */
  readonly around?: Surroundings
  /** Default: the connections to Microsoft 365 that are configured. */
  readonly popUp?: PopUpSignIn
}

const JOURNAL_DAYS = 90

/** Opens the panel and, where there is a configuration, starts the service. */
export async function openPanel({ store, fromFile, log, popUp, around }: PanelOptions) {
  const timetable = await openTimetable(store.panel, log)
  const latencies = recordLatencies(store.panel, log)
  const station = await openStation({ store, fromFile, timetable, latencies, log, onConfig: () => void timetable.runNow('certificates'), ...(around === undefined ? {} : { around }) })
  const live = openLive(store.panel, log)
  const tasks = openTasks(() => live.tell('tasks'))
  const policies = openPolicies(station)
  const users = openUsers(station, tasks, policies)
  const popUps = openPopUps(popUp ?? microsoft365(station))

  timetable.add('journal-cleanup', '0 3 * * *', async () => `${await store.panel.measures.cleanJournal(new Date(Date.now() - JOURNAL_DAYS * 86_400_000))} entries older than ${JOURNAL_DAYS} days deleted`)
  timetable.add('panel-cleanup', 'every 1h', async () => `${await store.panel.measures.cleanPanel()} ended sessions and old measurements deleted`)
  timetable.add('certificates', 'every 12h', () => lookAtCertificates(store, station.sections().config))
  timetable.runNow('certificates')

  return {
    store, station, timetable, live, tasks, users, policies, popUps,
    door: openDoor(station),
    health: openHealth(station),
    attention: openAttention(station),
    activity: openActivity(station),
    availability: openAvailability(station),
    connect: openConnect(station, tasks, policies, log),
    me: openMe(station, users, policies, popUps),
    async stop() {
      live.stop()
      await timetable.stop()
      await station.stop()
      await latencies.stop()
    },
  }
}
