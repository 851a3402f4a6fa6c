import type { Connector } from '../main.ts'

/** How the mailboxes of Microsoft 365 are followed, and how long changes took in the last hour, as the service measured it. */
export interface Followed {
  readonly followed?: readonly { readonly connection: string; readonly at: string; readonly notifications: number; readonly polled: number; readonly trouble: string | null }[]
  /** By the side that was written, in milliseconds. */
  readonly latency?: Readonly<Record<string, { readonly p50: number; readonly p95: number; readonly count: number }>>
}

const HOUR_MS = 3_600_000

export async function readFollowed({ config, graph, store }: Connector): Promise<Followed> {
  const names = config.exchange.flatMap(({ name, kind }) => (kind === 'graph' ? [name] : []))
  const states = await Promise.all(names.map(async (connection) => ({ connection, state: await graph(connection)?.followed() ?? null })))
  const measured = await store.panel.measures.latencySummary(new Date(Date.now() - HOUR_MS))
  const followed = states.flatMap(({ connection, state }) => (state === null ? [] : [{ connection, ...state }]))
  return {
    ...(followed.length === 0 ? {} : { followed }),
    ...(measured.length === 0 ? {} : { latency: Object.fromEntries(measured.map(({ side, p50, p95, count }) => [side, { p50, p95, count }])) }),
  }
}

/** In words, one line each. */
export function followedLines({ followed = [], latency = {} }: Followed): string[] {
  const lines = followed.flatMap(({ connection, at, notifications, polled, trouble }) => [
    `${connection}: ${notifications} mailboxes by notifications, ${polled} by polls (the service, ${at})`,
    ...(trouble === null ? [] : [`! ${connection}: no notifications for now, mailboxes are polled: ${trouble}`]),
  ])
  const { crm, exchange } = latency
  const took = (to: string, one: typeof crm) => (one === undefined ? [] : [`${to}: half within ${seconds(one.p50)}, 95 of 100 within ${seconds(one.p95)} (${one.count} changes of the last hour)`])
  return [...lines, ...took('From Exchange to the CRM', crm), ...took('From the CRM to Exchange', exchange)]
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`
