import { CRM_LANE } from '../model/index.ts'
import type { Side } from '../model/index.ts'
import type { LaneFacts } from '../store/index.ts'
import { expiries } from './expiries.ts'
import type { Expiry } from './expiries.ts'
import { heldMails } from './attention.ts'
import { cureOf, standingOf, transportOf } from './standing.ts'
import type { Standing, Transport } from './standing.ts'
import type { Station } from './station.ts'

export interface Health {
  readonly counts: Readonly<Record<Exclude<Standing, 'off'>, number>>
  readonly transports: Readonly<Record<Transport, number>>
  readonly crm: { readonly state: LaneFacts['state']; readonly error: LaneFacts['error']; readonly cure: string | null; readonly lastRunAt: string | null; readonly url: string }
  readonly connections: readonly { readonly name: string; readonly kind: string; readonly url: string | null; readonly auth: string; readonly impersonation: boolean; readonly mailboxes: number; readonly failing: number }[]
  readonly queue: { readonly waiting: number; readonly running: number; readonly changes: number; readonly failing: number; readonly oldestDue: string | null }
  readonly linked: number
  readonly attention: { readonly conflicts: number; readonly held: number; readonly mails: number; readonly failing: number }
  readonly database: { readonly version: string | null; readonly embedded: boolean; readonly bytes: number; readonly answerMs: number }
  readonly expiries: readonly Expiry[]
}

export interface Latency {
  readonly summary: readonly { readonly side: Side; readonly p50: number; readonly p95: number; readonly count: number }[]
  /** Oldest first; slices without a change are left out. */
  readonly points: readonly { readonly side: Side; readonly at: string; readonly p50: number; readonly p95: number; readonly count: number }[]
  readonly since: string
  readonly until: string
}

const SPANS = { hour: { seconds: 3600, slice: 60 }, day: { seconds: 86_400, slice: 1800 } } as const

export function openHealth(station: Station) {
  const { store } = station
  return {
    async health(): Promise<Health> {
      const { connector, service } = station.need()
      const { config } = connector
      const [facts, queued, database, due, mails] = await Promise.all([store.panel.lanes.laneFacts(null), store.panel.lanes.queued(), store.health(), expiries(store, connector), heldMails(store)])
      const mailboxes = facts.filter(({ mailbox }) => mailbox !== null)
      const crm = facts.find(({ lane }) => lane === CRM_LANE)
      const counts = { starting: 0, healthy: 0, degraded: 0, attention: 0, paused: 0, off: 0 }
      const transports = { streaming: 0, polling: 0, none: 0 }
      for (const one of mailboxes) {
        counts[standingOf(one)] += 1
        transports[transportOf(one, service.connected())] += 1
      }
      const sum = (of: (one: LaneFacts) => number) => mailboxes.reduce((total, one) => total + of(one), 0)
      return {
        counts, transports,
        crm: { state: crm?.state ?? 'new', error: crm?.error ?? null, cure: cureOf(crm?.error ?? null, undefined), lastRunAt: crm?.lastRunAt ?? null, url: config.crm.url },
        connections: config.exchange.map(({ name, kind, url, auth, impersonation }) => {
          const here = mailboxes.filter(({ mailbox }) => mailbox?.connection === name)
          return { name, kind, url: url ?? null, auth, impersonation, mailboxes: here.length, failing: here.filter(({ state }) => state === 'failing').length }
        }),
        queue: {
          ...queued, changes: sum((one) => one.waiting), failing: sum((one) => one.failing),
          oldestDue: mailboxes.flatMap(({ oldestDue }) => oldestDue ?? []).sort()[0] ?? null,
        },
        linked: sum((one) => one.linked),
        attention: { conflicts: sum((one) => one.conflicts), held: sum((one) => one.held), mails, failing: sum((one) => one.failing) },
        database: { version: database.version, embedded: database.embedded, bytes: database.bytes, answerMs: database.answerMs },
        expiries: due,
      }
    },
    async latency(span: keyof typeof SPANS): Promise<Latency> {
      const { seconds, slice } = SPANS[span]
      const until = new Date()
      const since = new Date(until.getTime() - seconds * 1000)
      const [summary, points] = await Promise.all([store.panel.measures.latencySummary(since), store.panel.measures.latencies(since, slice)])
      return { summary, points: points.map((point) => ({ ...point, at: point.at.toISOString() })), since: since.toISOString(), until: until.toISOString() }
    },
  }
}
