import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import type { EwsSim } from './index.ts'
import { startEwsSim } from './index.ts'
import type { OpenStream } from './stream-client.ts'
import { openStream } from './stream-client.ts'
import type { AskOptions } from './test-client.ts'
import { ask, attributes, createEvent, createTask, value, values } from './test-client.ts'

const ALICE = 'alice@example.test'
const MINUTE = 60_000
const EVENT = '<t:Start>2026-12-01T09:00:00Z</t:Start><t:End>2026-12-01T10:00:00Z</t:End>'
let sim: EwsSim

beforeEach(async () => {
  sim = await startEwsSim()
})
afterEach(() => sim.stop())

const KINDS = ['Created', 'Modified', 'Deleted', 'Moved', 'Copied']
  .map((kind) => `<t:EventType>${kind}Event</t:EventType>`)
  .join('')

function subscription(folders: string[]): string {
  const ids = folders.map((id) => `<t:DistinguishedFolderId Id="${id}"/>`).join('')
  return (
    `<m:Subscribe><m:StreamingSubscriptionRequest${ids ? '' : ' SubscribeToAllFolders="true"'}>${ids ? `<t:FolderIds>${ids}</t:FolderIds>` : ''}` +
    `<t:EventTypes>${KINDS}</t:EventTypes></m:StreamingSubscriptionRequest></m:Subscribe>`
  )
}

async function subscribe(folders: string[], options: AskOptions = {}): Promise<string> {
  const answer = await ask(sim, subscription(folders), options)
  expect(answer.codes).toEqual(['NoError'])
  return value(answer.text, 'SubscriptionId') ?? ''
}

/** Opens a stream and waits for the first envelope. */
async function connected(ids: string[], minutes?: number, options?: AskOptions): Promise<OpenStream> {
  const stream = openStream(sim, ids, minutes, options)
  expect(value(await stream.next(), 'ConnectionStatus')).toBe('OK')
  return stream
}

describe('a streaming subscription', () => {
  it('says at once that it is connected, then tells of every change and of its folder', async () => {
    const id = await subscribe(['calendar'])
    const stream = await connected([id])
    await ask(sim, createEvent(EVENT))
    const text = await stream.nextEvents()
    expect(value(text, 'SubscriptionId')).toBe(id)
    expect([...text.matchAll(/<t:(\w+)Event>/g)].map((match) => match[1])).toEqual(['Created', 'Modified'])
    expect(attributes(text, 'ItemId', 'Id')).toEqual([sim.items(ALICE)[0]?.id])
  })

  it('tells of edits, moves with old and new id, and deletions', async () => {
    const { id: itemId } = sim.putItem(ALICE, 'calendar', { Subject: 'x' })
    const stream = await connected([await subscribe(['calendar'])])
    sim.editItem(ALICE, itemId, { Subject: 'y' })
    expect(await stream.nextEvents()).toContain('<t:ModifiedEvent>')
    const moved = sim.moveItem(ALICE, itemId, 'deleteditems')
    const text = await stream.nextEvents()
    expect(attributes(text, 'OldItemId', 'Id')).toEqual([itemId])
    expect(attributes(text, 'ItemId', 'Id')).toEqual([moved.id])
    const other = sim.putItem(ALICE, 'calendar', { Subject: 'z' })
    await stream.nextEvents()
    sim.deleteItem(ALICE, other.id, 'HardDelete')
    expect(await stream.nextEvents()).toContain('<t:DeletedEvent>')
  })

  it('hears only its own folders, or all', async () => {
    const calendar = await subscribe(['calendar'])
    const all = await subscribe([])
    const stream = await connected([calendar, all])
    await ask(sim, createTask('<t:Subject>Call</t:Subject>'))
    expect(values(await stream.nextEvents(), 'SubscriptionId')).toEqual([all])
  })

  it('loses what happens while no connection is open', async () => {
    const id = await subscribe(['calendar'])
    sim.putItem(ALICE, 'calendar', { Subject: 'unheard' })
    const stream = await connected([id])
    const heard = sim.putItem(ALICE, 'calendar', { Subject: 'heard' })
    expect(attributes(await stream.nextEvents(), 'ItemId', 'Id')).toEqual([heard.id])
  })

  it('loses events when the server is told to lose them', async () => {
    const stream = await connected([await subscribe(['calendar'])])
    sim.loseEvents(true)
    sim.putItem(ALICE, 'calendar', { Subject: 'lost' })
    sim.loseEvents(false)
    const heard = sim.putItem(ALICE, 'calendar', { Subject: 'heard' })
    expect(attributes(await stream.nextEvents(), 'ItemId', 'Id')).toEqual([heard.id])
  })

  it('gives signs of life, and closes when its time is over; the subscription stays', async () => {
    const id = await subscribe(['calendar'])
    const stream = await connected([id], 2)
    sim.clock.advance(45_000)
    expect(value(await stream.next(), 'ConnectionStatus')).toBe('OK')
    sim.clock.advance(2 * MINUTE)
    expect(value(await stream.next(), 'ConnectionStatus')).toBe('Closed')
    expect(await stream.ended).toBe('end')
    await connected([id])
  })

  it('is starved by one bad id beside it', async () => {
    const good = await subscribe(['calendar'])
    const stream = openStream(sim, [good, 'bm9uc2Vuc2U='])
    const text = await stream.next()
    expect(value(text, 'ResponseCode')).toBe('ErrorSubscriptionNotFound')
    expect(values(text, 'SubscriptionId')).toEqual(['bm9uc2Vuc2U='])
    expect(await stream.ended).toBe('end')
    expect(sim.openStreams).toBe(0)
  })

  it('ends with an error when the server forgets it', async () => {
    const id = await subscribe(['calendar'])
    const stream = await connected([id])
    sim.killSubscriptions(ALICE)
    expect(values(await stream.next(), 'SubscriptionId')).toEqual([id])
    expect(await stream.ended).toBe('end')
    expect((await ask(sim, `<m:Unsubscribe><m:SubscriptionId>${id}</m:SubscriptionId></m:Unsubscribe>`)).codes).toEqual(
      ['ErrorSubscriptionNotFound'],
    )
  })

  it('is for one mailbox, and for the account that made it', async () => {
    const two = subscription(['calendar']).replace(
      '</t:FolderIds>',
      '<t:DistinguishedFolderId Id="calendar"><t:Mailbox><t:EmailAddress>bob@example.test</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId></t:FolderIds>',
    )
    expect((await ask(sim, two)).codes).toEqual(['ErrorInvalidSubscriptionRequest'])
    const ofAlice = await subscribe(['calendar'])
    expect(value(await openStream(sim, [ofAlice], 30, { user: 'bob@example.test' }).next(), 'ResponseCode')).toBe(
      'ErrorSubscriptionNotFound',
    )
  })

  it('carries several mailboxes of one service account on one connection', async () => {
    const as = (mailbox: string) => ({ user: sim.service.username, as: mailbox })
    const [one, two] = [await subscribe(['calendar'], as(ALICE)), await subscribe(['calendar'], as('bob@example.test'))]
    const stream = await connected([one, two], 30, as(ALICE))
    sim.putItem('bob@example.test', 'calendar', { Subject: 'x' })
    expect(values(await stream.nextEvents(), 'SubscriptionId')).toEqual([two])
  })

  it('is limited to so many open connections per account', async () => {
    await sim.stop()
    sim = await startEwsSim({ hangingConnectionLimit: 1 })
    const [one, two] = [await subscribe(['calendar']), await subscribe(['tasks'])]
    const first = await connected([one])
    const second = openStream(sim, [two])
    expect(await second.status).toBe(500)
    expect(value(await second.next(), 'ResponseCode')).toBe('ErrorExceededConnectionCount')
    first.abort()
    await expect.poll(() => sim.openStreams).toBe(0)
    await connected([two])
  })

  it('is found again only with the affinity headers and cookie where the server asks for them', async () => {
    await sim.stop()
    sim = await startEwsSim({ requireAffinity: true })
    const prefer = { 'x-preferserveraffinity': 'true' }
    const answer = await ask(sim, subscription(['calendar']), { headers: prefer })
    const id = value(answer.text, 'SubscriptionId') ?? ''
    const cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? ''
    expect(cookie).toMatch(/^X-BackEndOverrideCookie=/)
    expect(value(await openStream(sim, [id], 30, { headers: prefer }).next(), 'ResponseCode')).toBe(
      'ErrorSubscriptionNotFound',
    )
    expect(value(await openStream(sim, [id], 30, { headers: { cookie } }).next(), 'ResponseCode')).toBe(
      'ErrorSubscriptionNotFound',
    )
    await connected([id], 30, { headers: { ...prefer, cookie } })
  })
})

describe('a faulty stream', () => {
  const fault = (type: 'stall' | 'half' | 'drop-before') =>
    sim.faults.add({ operation: 'GetStreamingEvents', subject: ALICE, times: 1, effect: { type } })

  it('falls silent with the socket open', async () => {
    const stream = await connected([await subscribe(['calendar'])])
    fault('stall')
    sim.putItem(ALICE, 'calendar', { Subject: 'x' })
    sim.clock.advance(31 * MINUTE)
    const first = await Promise.race([
      stream.next(),
      stream.ended,
      new Promise((resolve) => setTimeout(resolve, 150, 'silence')),
    ])
    expect(first).toBe('silence')
    stream.abort()
  })

  it('breaks off in the middle of an envelope', async () => {
    const stream = await connected([await subscribe(['calendar'])])
    fault('half')
    sim.putItem(ALICE, 'calendar', { Subject: 'x' })
    expect(await stream.ended).toBe('cut')
    expect(stream.rest()).toContain('<Envelope')
  })

  it('is refused before it begins', async () => {
    const id = await subscribe(['calendar'])
    fault('drop-before')
    expect(await openStream(sim, [id]).ended).toBe('cut')
    await connected([id])
  })
})
