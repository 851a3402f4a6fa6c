import pg from 'pg'
import { mailboxId } from '../src/model/index.ts'
import type { PanelStore } from '../src/store/index.ts'

const EVENT = (n: string) => `jsonb_build_object('kind', 'event', 'fields', jsonb_build_object('subject', 'Visit ' || ${n}, 'body', 'Bring the samples', 'time', jsonb_build_object('allDay', false, 'start', '2026-12-01T09:00:00Z', 'end', '2026-12-01T10:00:00Z')))`

/** An office with that many mailboxes, and one mailbox with that many of everything else. */
export async function fillLists(databaseUrl: string, count: number): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  const lane = (n: string) => `'mb-' || lpad(${n}::text, 6, '0')`
  const moment = (n: string) => `to_char(timestamp '2026-11-01' + ${n} * interval '1 minute', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`
  const each = `from generate_series(1, ${count}) n`
  try {
    for (const statement of [
      `insert into connector.lanes (lane, mailbox, state, error, failures, last_run_at) select ${lane('n')}, jsonb_build_object('id', ${lane('n')}, 'address', 'user' || n || '@example.test', 'user', 'user' || n, 'userId', '19x' || n, 'connection', 'onprem', 'zone', 'UTC'),
        case when n % 50 = 0 then 'failing' else 'ok' end, case when n % 50 = 0 then jsonb_build_object('code', 'EWS_UNAUTHORIZED', 'message', 'refused') end, case when n % 50 = 0 then 5 else 0 end, ${moment('n')} ${each}`,
      `insert into connector.channels (lane, kind, complete) select ${lane('n')}, kind, true ${each}, unnest(array['event', 'task', 'contact']) kind`,
      `insert into connector.links (id, kind, record) select 'link' || n, 'event', '18x' || n ${each}`,
      `insert into connector.copies (id, link, kind, mailbox, role, item, item_key, record, record_key, base, token, traits, stamped, referenced) select 'copy' || n, 'link' || n, 'event', ${lane('case when n % 2 = 0 then 1 else n end')}, 'home', 'item' || n, 'k', '18x' || n, 'k', jsonb_build_object('exchange', ${EVENT('n')}, 'crm', ${EVENT('n')}), 't' || n, '{}', true, true ${each}`,
      `insert into connector.operations (id, lane, copy, link, kind, side, type, item, token, before, after, reason, at, state, untold) select 'op' || n, ${lane('case when n % 2 = 0 then 1 else n end')}, 'copy' || n, 'link' || n, 'event', 'crm', 'update', '18x' || n, 't' || n, jsonb_build_object('subject', 'Visit'), jsonb_build_object('subject', 'Visit ' || n), 'edited in Exchange', ${moment('n')}, 'done', '[{"address":"guest@elsewhere.test","name":"Guest"}]' ${each}`,
      `insert into connector.inbox (lane, side, id, kind, sighting, due_at, attempts, error, gone) select ${lane('1')}, 'exchange', 'waiting' || n, 'event', jsonb_build_object('type', 'seen', 'snapshot', jsonb_build_object('item', ${EVENT('n')})), ${moment('n')}, 4, jsonb_build_object('code', 'EWS_BUSY', 'message', 'busy'), false ${each}`,
      `insert into connector.conflicts (id, lane, copy, kind, record, item, field, clash, clash_hash, state, at) select 'c' || n, ${lane('1')}, 'copy' || n, 'event', '18x' || n, 'item' || n, 'subject', '{"base":"a","exchange":"b","crm":"c"}', 'h' || n, 'open', ${moment('n')} ${each}`,
      `insert into connector.held (id, lane, kind, what, side, item, copy, candidates, reason, at) select 'h' || n, ${lane('1')}, 'event', 'delete-crm', 'exchange', 'item' || n, 'copy' || n, '[]', 'many vanished at once', ${moment('n')} ${each}`,
      `insert into connector.skips (lane, side, id, kind, reason, at) select ${lane('1')}, 'exchange', 'left' || n, 'event', case when n % 2 = 0 then 'unreadable' else 'outside-window' end, ${moment('n')} ${each}`,
      `insert into connector.latencies (at, side, ms) select now() - (n % 3600) * interval '1 second', case when n % 2 = 0 then 'crm' else 'exchange' end, 200 + n % 700 ${each}`,
      `insert into connector.panel_log (user_id, user_name, action, subject, detail) select '19x1', 'admin', 'users.sync', n::text, '{}' ${each}`,
      'analyze',
    ]) await client.query(statement)
  } finally {
    await client.end()
  }
}

/** Everything that the panel's pages ask of the store, the best of three in milliseconds. */
export async function measureLists(panel: PanelStore, count: number): Promise<Readonly<Record<string, number>>> {
  const { views, lanes, measures, people } = panel
  const first = { offset: 0, limit: 25 }
  const last = { offset: count - 25, limit: 25 }
  const everyPage = (name: string, ask: (page: typeof first) => Promise<unknown>): [string, () => Promise<unknown>][] => [[`${name}, first page`, () => ask(first)], [`${name}, last page`, () => ask(last)]]
  const types = ['create', 'update', 'delete'] as const
  const questions: [string, () => Promise<unknown>][] = [
    ['how every mailbox stands', () => lanes.laneFacts(null)],
    ['one page of mailboxes', () => lanes.laneFacts(Array.from({ length: 25 }, (_, n) => mailboxId(`mb-${String(n + 1).padStart(6, '0')}`)))],
    ['activity, newest', () => views.writes({ types, limit: 51 })],
    ['activity, oldest', () => views.writes({ types, limit: 51, before: 60 })],
    ['activity of one mailbox', () => views.writes({ types, lanes: [mailboxId('mb-000777')], limit: 51 })],
    ['activity, searched by words', () => views.writes({ types, search: 'Visit 19999', limit: 51 })],
    ['activity, searched by record', () => views.writes({ types, search: '18x19999', limit: 51 })],
    ...everyPage('conflicts', (page) => views.conflicts(page)),
    ...everyPage('held', (page) => views.held(page)),
    ...everyPage('failing', (page) => views.failing(page)),
    ...everyPage('left alone', (page) => lanes.skips({ ...page, offset: Math.floor(page.offset / 2), reasons: ['unreadable'] })),
    ...everyPage('edits nobody was told of', (page) => views.untold(page, new Date('2026-11-15T00:00:00Z'))),
    ['why an item is as it is', () => views.lanesKnowing('left777')],
    ['log of the panel', () => people.log({ limit: 50 })],
    ['news', () => views.pulse()],
    ['latency', () => measures.latencySummary(new Date(Date.now() - 3_600_000))],
    ['jobs', () => measures.jobs()],
  ]
  const took: Record<string, number> = {}
  for (const [name, ask] of questions) {
    let best = Number.POSITIVE_INFINITY
    for (let turn = 0; turn < 3; turn++) {
      const startedMs = performance.now()
      await ask()
      best = Math.min(best, performance.now() - startedMs)
    }
    took[name] = Math.round(best)
  }
  return took
}
