import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { at, eventually, openOffice } from '../browser/support/office.ts'
import type { Office } from '../browser/support/office.ts'

let office: Office

beforeAll(async () => {
  office = await openOffice({ policy: { conflict: 'ask', deletionGraceSeconds: 1 } }, ({ ews }) => {
    ews.putItem('bob@example.test', 'calendar', { Subject: 'Negotiation', Start: at(2, '09:00'), End: at(2, '10:00'), Location: 'Room 1' })
    ews.putItem('bob@example.test', 'calendar', { Subject: 'Far away', Start: at(600, '09:00'), End: at(600, '10:00') })
  })
  await eventually('the first sync is done', () => office.records('Events').length === 1)
  await eventually('the pair is known', async () => (await office.running.panel.health.health()).linked === 1)
})
afterAll(() => office?.close())

interface Session {
  readonly cookie: string
  readonly csrf: string
}

const json = { 'content-type': 'application/json' }
const post = (path: string, body: unknown, headers: Record<string, string> = {}, method = 'POST') => fetch(`${office.url}${path}`, { method, headers: { ...json, ...headers }, body: JSON.stringify(body) })
const codeOf = async (answer: Response) => `${answer.status} ${((await answer.json()) as { error?: { code: string } }).error?.code ?? ''}`

async function signIn(username: string, headers: Record<string, string> = {}): Promise<Session> {
  const answer = await post('/api/session', { username, password: `${username}-password` }, headers)
  const [cookie = ''] = answer.headers.getSetCookie()
  return { cookie: cookie.split(';')[0] ?? '', csrf: ((await answer.json()) as { csrf: string }).csrf }
}
const asked = ({ cookie, csrf }: Session) => ({
  get: async (path: string) => (await (await fetch(`${office.url}${path}`, { headers: { cookie } })).json()) as Record<string, unknown> & { total?: number; rows?: unknown[] },
  post: (path: string, body: unknown) => post(path, body, { cookie, 'x-csrf-token': csrf }),
})

describe('a session', () => {
  it('is a new one with every sign-in: a cookie that was brought along is not taken over, and the one before has ended', async () => {
    const planted = `connector_session=${randomBytes(32).toString('base64url')}`
    const first = await signIn('alice', { cookie: planted })
    expect(first.cookie).not.toBe(planted)
    const second = await signIn('alice', { cookie: first.cookie, 'x-csrf-token': first.csrf })
    expect(second.cookie).not.toBe(first.cookie)
    expect([(await asked(first).get('/api/session'))['user'], (await asked(second).get('/api/session'))['user']]).toEqual([null, expect.objectContaining({ name: 'alice' })])
  })

  it('changes nothing without its CSRF token, however the address is written, and with that of another session', async () => {
    const alice = await signIn('alice')
    const bob = await signIn('bob')
    for (const path of ['/api/me/sync', '/%61pi/me/sync', '/api/me/sy%6Ec']) {
      const answers = [await codeOf(await post(path, {}, { cookie: alice.cookie })), await codeOf(await post(path, {}, { cookie: alice.cookie, 'x-csrf-token': bob.csrf }))]
      expect([path, ...answers]).toEqual([path, '403 BAD_CSRF_TOKEN', '403 BAD_CSRF_TOKEN'])
    }
    expect(await codeOf(await post('/api/session', { username: 'alice', password: 'alice-password' }, { 'sec-fetch-site': 'cross-site' }))).toBe('403 CROSS_SITE')
  })
})

describe('somebody else’s data', () => {
  it('is neither seen nor changed by naming it', async () => {
    const { station, store } = office.running.panel
    const lane = station.need().connector.laneOf('bob@example.test')
    const record = office.records('Events')[0]?.['id'] ?? ''
    const item = office.item('bob', 'Negotiation')
    office.vtenext.edit(record, { location: 'Customer' })
    office.ews.editItem('bob@example.test', item?.id ?? '', { Location: 'Room 9' })
    await eventually('there is a conflict', async () => (await store.panel.views.conflicts({ offset: 0, limit: 1 })).total === 1)
    const { rows: [conflict] } = await store.panel.views.conflicts({ offset: 0, limit: 1 })
    const alice = asked(await signIn('alice'))
    const bobId = station.need().connector.directory().users.find(({ name }) => name === 'bob')?.id ?? ''
    for (const list of ['conflicts', 'held', 'failing', 'skipped', 'mails', 'untold']) {
      for (const user of ['bob', bobId]) expect([list, (await alice.get(`/api/attention/${list}?user=${user}&every=true`)).total]).toEqual([list, 0])
    }
    expect((await alice.get('/api/activity?user=bob&marks=true')).rows).toEqual([])
    expect(await alice.get(`/api/why?item=${record}`)).toMatchObject({ found: false, copies: [], skips: [], waiting: [], held: [] })
    expect(await alice.get(`/api/why?item=${encodeURIComponent(item?.id ?? '')}`)).toMatchObject({ found: false })
    const span = `from=${new Date().toISOString()}&to=${new Date(Date.now() + 5 * 86_400_000).toISOString()}`
    expect(((await alice.get(`/api/availability?${span}`)).rows as { name: string }[]).map(({ name }) => name)).toEqual(['alice'])
    expect(await codeOf(await alice.post('/api/attention/conflicts', { ids: [conflict?.id], winner: 'crm' }))).toBe('403 NOT_YOURS')
    expect(await codeOf(await alice.post('/api/attention/failing', { lane, side: 'exchange', id: item?.id }))).toBe('403 NOT_YOURS')
    expect(await codeOf(await alice.post('/api/connect/preview', { users: [{ crm: 'bob', mailbox: 'bob@example.test' }] }))).toBe('403 ADMINISTRATORS_ONLY')
    // An administrator's work cannot be looked at by whoever knows its number.
    const admin = asked(await signIn('admin'))
    const task = (await (await admin.post('/api/users/test', { users: [{ id: bobId }] })).json()) as { id: string }
    expect([(await alice.get(`/api/tasks/${task.id}`))['error'], (await admin.get(`/api/tasks/${task.id}`))['id']]).toEqual([expect.objectContaining({ code: 'ADMINISTRATORS_ONLY' }), task.id])
    expect((await store.panel.views.conflicts({ offset: 0, limit: 1 })).rows[0]?.state).toBe('open')
  })
})

describe('who guesses', () => {
  it('is stopped after some passwords, whatever cookie or address he brings', async () => {
    const codes: string[] = []
    for (let n = 0; n < 40; n++) {
      codes.push(await codeOf(await post(`${n % 2 === 0 ? '/api/session' : '/%61pi/session'}?n=${n}`, { username: `guess${n}`, password: 'guess' }, { cookie: `connector_session=${randomBytes(32).toString('base64url')}`, authorization: n % 3 === 0 ? `Basic ${n}` : '' })))
      if (codes.at(-1) === '429 TOO_MANY_REQUESTS') break
    }
    expect(codes.at(-1)).toBe('429 TOO_MANY_REQUESTS')
  })

  it('is stopped after some tokens', async () => {
    const codes = await Promise.all(Array.from({ length: 140 }, async () => codeOf(await fetch(`${office.url}/api/health`, { headers: { authorization: `Bearer ec_${randomBytes(32).toString('base64url')}` } }))))
    expect(new Set(codes)).toEqual(new Set(['401 BAD_TOKEN', '429 TOO_MANY_REQUESTS']))
  })
})
