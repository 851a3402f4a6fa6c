import type { Context, Middleware } from '@microsoft/microsoft-graph-client'
import {
  AuthenticationHandler, BatchRequestContent, BatchResponseContent, Client, GraphError, PageIterator, RedirectHandler, RetryHandler,
} from '@microsoft/microsoft-graph-client'
import type { Contact, Event, PatternedRecurrence, Subscription, TodoTask, TodoTaskList, User } from '@microsoft/microsoft-graph-types'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import type { GraphSim } from './index.ts'
import { startGraphSim } from './index.ts'
import { ALICE, applicationToken, STAMP, userTokens } from './test-client.ts'

let sim: GraphSim

/** Takes what is meant for Microsoft to the simulated cloud, as a proxy would; the library gives its token to nobody else. */
class ToTheSimulator implements Middleware {
  async execute(context: Context): Promise<void> {
    const asked = typeof context.request === 'string' ? context.request : context.request.url
    const headers = new Headers(context.options?.headers as Record<string, string>)
    headers.set('x-forwarded-proto', 'https')
    headers.set('x-forwarded-host', 'graph.microsoft.com')
    const { method, body } = (typeof context.request === 'string' ? (context.options ?? {}) : context.request) as RequestInit
    const url = asked.replace('https://graph.microsoft.com', sim.url)
    context.response = await fetch(url, { headers, ...(method ? { method } : {}), ...(body ? { body } : {}) })
  }
}

function clientWith(token: () => Promise<string>): Client {
  const chain: Middleware[] = [new AuthenticationHandler({ getAccessToken: token }), new RetryHandler(), new RedirectHandler(), new ToTheSimulator()]
  for (const [at, link] of chain.entries()) {
    const next = chain[at + 1]
    if (next) link.setNext?.(next)
  }
  const [first] = chain
  if (!first) throw new Error('The chain is empty.')
  return Client.initWithMiddleware({ middleware: first })
}

let alice: Client
let application: Client

beforeEach(async () => {
  sim = await startGraphSim()
  alice = clientWith(async () => (await userTokens(sim, ALICE)).access_token as string)
  application = clientWith(() => applicationToken(sim))
})
afterEach(() => sim.stop())

const visit = (subject: string, hour = 9): Event => ({
  subject,
  start: { dateTime: `2026-12-01T${String(hour).padStart(2, '0')}:00:00`, timeZone: 'Europe/Rome' },
  end: { dateTime: `2026-12-01T${String(hour + 1).padStart(2, '0')}:00:00`, timeZone: 'Europe/Rome' },
})

describe('Microsoft\'s own client library', () => {
  it('reads the user, makes, changes and deletes an event', async () => {
    const me = (await alice.api('/me').get()) as User
    expect(me.mail).toBe(ALICE)
    const event = (await alice.api('/me/events').header('Prefer', 'IdType="ImmutableId"').post(visit('Visit'))) as Event
    const changed = (await alice.api(`/me/events/${event.id}`).patch({ subject: 'Longer' })) as Event
    expect(changed.subject).toBe('Longer')
    await alice.api(`/me/events/${event.id}`).delete()
    expect(sim.items(ALICE)).toEqual([])
  })

  it('gets errors as its own kind of error', async () => {
    const error = await alice.api('/me/events/abc').get().catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(GraphError)
    expect(error).toMatchObject({ statusCode: 400, code: 'ErrorInvalidIdMalformed' })
  })

  it('selects, filters, orders and expands', async () => {
    await application.api(`/users/${ALICE}/events`).post({ ...visit('A'), singleValueExtendedProperties: [{ id: STAMP, value: 'v1' }] })
    await application.api(`/users/${ALICE}/events`).post(visit('B', 11))
    const found = await application
      .api(`/users/${ALICE}/events`)
      .filter(`singleValueExtendedProperties/Any(ep: ep/id eq '${STAMP}' and ep/value eq 'v1')`)
      .expand(`singleValueExtendedProperties($filter=id eq '${STAMP}')`)
      .select('subject')
      .get()
    expect(found.value).toMatchObject([{ subject: 'A', singleValueExtendedProperties: [{ id: STAMP, value: 'v1' }] }])
    const ordered = await application.api(`/users/${ALICE}/events`).orderby('subject desc').top(1).count(true).get()
    expect([ordered.value[0].subject, ordered['@odata.count']]).toEqual(['B', 2])
  })

  it('walks through pages, and through changes to their end', async () => {
    for (let n = 0; n < 25; n++) sim.putItem(ALICE, 'calendar', { ...visit(`Visit ${n}`, n % 12) })
    const subjects: string[] = []
    const first = await alice.api('/me/events').get()
    await new PageIterator(alice, first, (event: Event) => subjects.push(event.subject ?? '') > 0).iterate()
    expect(subjects).toHaveLength(25)
    const view = alice.api('/me/calendarView/delta').query({ startDateTime: '2026-11-01T00:00:00Z', endDateTime: '2027-01-01T00:00:00Z' })
    const changes = new PageIterator(alice, await view.header('Prefer', 'odata.maxpagesize=10').get(), () => true)
    await changes.iterate()
    sim.putItem(ALICE, 'calendar', visit('New'))
    const more = await alice.api(changes.getDeltaLink() ?? '').get()
    expect(more.value.map((event: Event) => event.subject)).toEqual(['New'])
  })

  it('makes a series and reads its occurrences', async () => {
    const recurrence: PatternedRecurrence = {
      pattern: { type: 'weekly', interval: 1, daysOfWeek: ['tuesday'] },
      range: { type: 'numbered', startDate: '2026-12-01', numberOfOccurrences: 3 },
    }
    const master = (await alice.api('/me/events').post({ ...visit('Course'), recurrence })) as Event
    const { value } = await alice.api(`/me/events/${master.id}/instances`).query({ startDateTime: '2026-11-01', endDateTime: '2027-01-01' }).get()
    expect(value.map((event: Event) => event.start?.dateTime?.slice(0, 10))).toEqual(['2026-12-01', '2026-12-08', '2026-12-15'])
    await alice.api(`/me/events/${value[1].id}`).delete()
    const read = (await alice.api(`/me/events/${master.id}`).select('cancelledOccurrences').get()) as Event
    expect(read.cancelledOccurrences).toEqual([`OID.${master.id}.2026-12-08`])
  })

  it('keeps tasks and contacts', async () => {
    const lists = (await alice.api('/me/todo/lists').get()) as { value: TodoTaskList[] }
    const list = lists.value.find((one) => one.wellknownListName === 'defaultList')
    const task = (await alice.api(`/me/todo/lists/${list?.id}/tasks`).post({ title: 'Call', linkedResources: [{ externalId: 'x', applicationName: 'vtenext' }] })) as TodoTask
    const done = (await alice.api(`/me/todo/lists/${list?.id}/tasks/${task.id}`).patch({ status: 'completed' })) as TodoTask
    expect(done.completedDateTime?.timeZone).toBe('UTC')
    const contact = (await alice.api('/me/contacts').post({ givenName: 'Anna', emailAddresses: [{ address: 'anna@weber.example' }] })) as Contact
    expect(contact.displayName).toBe('Anna')
  })

  it('tries again by itself when it is told to wait', async () => {
    const soon = new Date(sim.clock.now() + 1_000).toUTCString()
    sim.faults.add({ operation: 'listEvents', times: 1, effect: { type: 'status', status: 429, headers: { 'retry-after': soon } } })
    expect((await alice.api('/me/events').get()).value).toEqual([])
  })

  it('sends a batch and reads each answer', async () => {
    const json = { 'Content-Type': 'application/json' }
    const batch = new BatchRequestContent([
      { id: 'make', request: new Request('https://graph.microsoft.com/me/events', { method: 'POST', headers: json, body: JSON.stringify(visit('Visit')) }) },
      { id: 'read', request: new Request('https://graph.microsoft.com/me/events'), dependsOn: ['make'] },
      { id: 'miss', request: new Request('https://graph.microsoft.com/me/events/abc'), dependsOn: ['read'] },
    ])
    const answers = new BatchResponseContent(await alice.api('/$batch').post(await batch.getContent()))
    expect(answers.getResponseById('make').status).toBe(201)
    expect(((await answers.getResponseById('read').json()) as { value: Event[] }).value).toHaveLength(1)
    expect(answers.getResponseById('miss').status).toBe(400)
  })

  it('lists its subscriptions', async () => {
    const { value } = (await application.api('/subscriptions').get()) as { value: Subscription[] }
    expect(value).toEqual([])
  })
})
