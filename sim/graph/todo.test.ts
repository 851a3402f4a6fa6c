import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import type { GraphSim } from './index.ts'
import { startGraphSim } from './index.ts'
import { ALICE, ask, IMMUTABLE, round, users } from './test-client.ts'

let sim: GraphSim
const LISTS = users(ALICE, 'todo/lists')
let tasks: string

beforeEach(async () => {
  sim = await startGraphSim()
  const { value } = (await ask(sim, 'GET', LISTS)).body
  tasks = `${LISTS}/${value.find((list: any) => list.wellknownListName === 'defaultList').id}/tasks`
})
afterEach(() => sim.stop())

const create = async (body: object) => (await ask(sim, 'POST', tasks, body)).body
const day = (dateTime: string, timeZone = 'UTC') => ({ dateTime: `${dateTime}T00:00:00`, timeZone })

describe('task lists', () => {
  it('are the built-in ones and those people make', async () => {
    const { id } = (await ask(sim, 'POST', LISTS, { displayName: 'Trips' })).body
    const { value } = (await ask(sim, 'GET', LISTS)).body
    expect(value.map((list: any) => `${list.displayName} ${list.wellknownListName}`)).toEqual(['Tasks defaultList', 'Flagged Emails flaggedEmails', 'Trips none'])
    expect((await ask(sim, 'PATCH', `${LISTS}/${id}`, { displayName: 'Journeys' })).body.displayName).toBe('Journeys')
    expect((await ask(sim, 'DELETE', `${LISTS}/${value[0].id}`)).status).toBe(403)
    const { deltaLink } = await round(sim, `${LISTS}/delta`)
    expect((await ask(sim, 'DELETE', `${LISTS}/${id}`)).status).toBe(204)
    expect((await round(sim, deltaLink)).value).toEqual([{ id, '@removed': { reason: 'deleted' } }])
  })
})

describe('a task', () => {
  it('is made, changed and deleted', async () => {
    const task = await create({ title: 'Call Weber', body: { contentType: 'text', content: 'about the offer' }, importance: 'high' })
    expect(task).toMatchObject({ title: 'Call Weber', status: 'notStarted', importance: 'high', isReminderOn: false, body: { content: 'about the offer', contentType: 'text' } })
    for (const name of ['dueDateTime', 'completedDateTime', 'linkedResources', 'percentComplete', 'sensitivity']) expect(task).not.toHaveProperty(name)
    const { body } = await ask(sim, 'PATCH', `${tasks}/${task.id}`, { title: 'Call Weber back' })
    expect(body).toMatchObject({ id: task.id, title: 'Call Weber back', importance: 'high' })
    expect((await ask(sim, 'DELETE', `${tasks}/${task.id}`)).status).toBe(204)
    expect((await ask(sim, 'GET', `${tasks}/${task.id}`)).status).toBe(404)
  })

  it('shows its days in UTC, whatever zone they were written in or are wanted in', async () => {
    const inUtc = await create({ title: 'A', dueDateTime: day('2026-12-05') })
    expect(inUtc.dueDateTime).toEqual({ dateTime: '2026-12-05T00:00:00.0000000', timeZone: 'UTC' })
    const inRome = await create({ title: 'B', dueDateTime: day('2026-12-05', 'Europe/Rome') })
    expect(inRome.dueDateTime).toEqual({ dateTime: '2026-12-04T23:00:00.0000000', timeZone: 'UTC' })
    const inAuckland = await create({ title: 'C', dueDateTime: day('2026-12-05', 'New Zealand Standard Time') })
    expect(inAuckland.dueDateTime.dateTime).toBe('2026-12-04T11:00:00.0000000')
    const { body } = await ask(sim, 'GET', `${tasks}/${inRome.id}`, undefined, { headers: { prefer: 'outlook.timezone="Europe/Rome"' } })
    expect(body.dueDateTime).toEqual(inRome.dueDateTime)
    expect(sim.putItem(ALICE, 'tasks', { title: 'D', dueDateTime: '2026-12-05T00:00:00' }).fields.dueDateTime.dateTime).toBe('2026-12-04T23:00:00.0000000')
  })

  it('gets a day of completion with its status, and loses it again', async () => {
    const { id } = await create({ title: 'A' })
    const patch = async (body: object) => (await ask(sim, 'PATCH', `${tasks}/${id}`, body)).body
    const done = await patch({ status: 'completed' })
    expect(done.completedDateTime).toEqual({ dateTime: `${new Date(sim.clock.now()).toISOString().slice(0, 10)}T00:00:00.0000000`, timeZone: 'UTC' })
    expect(await patch({ status: 'inProgress' })).not.toHaveProperty('completedDateTime')
    await patch({ dueDateTime: day('2026-12-05') })
    expect(await patch({ dueDateTime: null })).not.toHaveProperty('dueDateTime')
  })

  it('that recurs stays done when completed, and the next one has an id of its own', async () => {
    const recurrence = { pattern: { type: 'weekly', interval: 1, daysOfWeek: ['monday'] }, range: { type: 'noEnd', startDate: '2026-12-07' } }
    const { id } = await create({ title: 'Report', dueDateTime: day('2026-12-07'), recurrence })
    await ask(sim, 'PATCH', `${tasks}/${id}`, { status: 'completed' })
    const { value } = (await ask(sim, 'GET', tasks)).body
    expect(value.map((task: any) => `${task.status} ${task.dueDateTime.dateTime.slice(0, 10)} ${task.recurrence !== undefined}`)).toEqual([
      'completed 2026-12-07 false', 'notStarted 2026-12-14 true',
    ])
    expect(value[0].id).toBe(id)
  })

  it.each([
    ['no title', { title: '' }, 'invalidRequest'],
    ['an unknown status', { title: 'A', status: 'half' }, 'invalidRequest'],
    ['a field tasks have not', { title: 'A', percentComplete: 50 }, 'RequestBodyRead'],
    ['a recurrence without due day', { title: 'A', recurrence: { pattern: { type: 'daily', interval: 1 }, range: { type: 'noEnd', startDate: '2026-12-07' } } }, 'invalidRequest'],
  ])('is refused with %s', async (_, body, code) => {
    expect(await ask(sim, 'POST', tasks, body)).toMatchObject({ status: 400, body: { error: { code } } })
  })

  it('has one id only, which changes when it moves to another list', async () => {
    const { id } = await create({ title: 'A' })
    expect((await ask(sim, 'GET', `${tasks}/${id}`, undefined, { headers: IMMUTABLE })).body.id).toBe(id)
    sim.addFolder(ALICE, { name: 'Trips', kind: 'task' })
    expect(sim.moveItem(ALICE, id, 'Trips').id).not.toBe(id)
    expect((await ask(sim, 'GET', `${tasks}/${id}`)).status).toBe(404)
  })
})

describe('what hangs on a task', () => {
  const linked = { linkedResources: [{ applicationName: 'vtenext', displayName: 'Call', externalId: 'v1;crm;Calendar;9x3' }] }

  it('links made with it are shown when expanded, in changes too', async () => {
    const { id } = await create({ title: 'A', ...linked })
    const found = (await ask(sim, 'GET', `${tasks}/${id}?$expand=linkedResources`)).body.linkedResources
    expect(found).toMatchObject([{ externalId: 'v1;crm;Calendar;9x3', id: expect.any(String) }])
    const { value, deltaLink } = await round(sim, `${tasks}/delta?$expand=linkedResources`)
    expect(value[0].linkedResources).toEqual(found)
    sim.editItem(ALICE, id, { title: 'B' })
    expect((await round(sim, deltaLink)).value).toMatchObject([{ title: 'B', linkedResources: found }])
  })

  it('links are added, changed and removed, and touch the task', async () => {
    const { id, '@odata.etag': etag } = await create({ title: 'A' })
    const resources = `${tasks}/${id}/linkedResources`
    const resource = (await ask(sim, 'POST', resources, linked.linkedResources[0])).body
    expect((await ask(sim, 'GET', `${tasks}/${id}`)).body['@odata.etag']).not.toBe(etag)
    expect((await ask(sim, 'PATCH', `${resources}/${resource.id}`, { externalId: 'v2' })).body.externalId).toBe('v2')
    expect((await ask(sim, 'DELETE', `${resources}/${resource.id}`)).status).toBe(204)
    expect((await ask(sim, 'GET', resources)).body.value).toEqual([])
  })

  it('open extensions are kept by their name', async () => {
    const { id } = await create({ title: 'A' })
    const extensions = `${tasks}/${id}/extensions`
    const extension = { '@odata.type': 'microsoft.graph.openTypeExtension', extensionName: 'com.vtenext.sync', stamp: 'v1' }
    expect((await ask(sim, 'POST', extensions, extension)).status).toBe(201)
    expect((await ask(sim, 'POST', extensions, extension)).status).toBe(409)
    await ask(sim, 'PATCH', `${extensions}/com.vtenext.sync`, { stamp: 'v2' })
    expect((await ask(sim, 'GET', `${extensions}/com.vtenext.sync`)).body).toMatchObject({ stamp: 'v2', extensionName: 'com.vtenext.sync' })
    expect((await ask(sim, 'GET', `${tasks}/${id}?$expand=extensions`)).body.extensions).toMatchObject([{ stamp: 'v2' }])
    expect((await ask(sim, 'DELETE', `${extensions}/com.vtenext.sync`)).status).toBe(204)
    expect((await ask(sim, 'GET', `${extensions}/com.vtenext.sync`)).status).toBe(404)
  })

  it('steps are listed', async () => {
    const { id } = await create({ title: 'A' })
    await ask(sim, 'POST', `${tasks}/${id}/checklistItems`, { displayName: 'First' })
    expect((await ask(sim, 'GET', `${tasks}/${id}/checklistItems`)).body.value).toMatchObject([{ displayName: 'First', isChecked: false }])
  })
})

describe('a deleted task', () => {
  it.each([['gone', 404, 'ErrorItemNotFound'], ['refused', 400, 'invalidRequest'], ['readable', 200, undefined]] as const)('is %s where the server is made so', async (deletedTasks, status, code) => {
    sim.setSwitches({ deletedTasks })
    const { id } = await create({ title: 'A' })
    const { deltaLink } = await round(sim, `${tasks}/delta`)
    await ask(sim, 'DELETE', `${tasks}/${id}`)
    const answer = await ask(sim, 'GET', `${tasks}/${id}`)
    expect([answer.status, answer.body.error?.code]).toEqual([status, code])
    expect((await ask(sim, 'GET', tasks)).body.value).toEqual([])
    expect((await round(sim, deltaLink)).value).toMatchObject([{ id, '@removed': { reason: 'deleted' } }])
  })
})

describe('the changes of a list', () => {
  it('hold what is new, changed and gone', async () => {
    const a = await create({ title: 'A' })
    const b = await create({ title: 'B' })
    const first = await round(sim, `${tasks}/delta?$top=1`)
    expect([first.value.length, first.pages]).toEqual([2, 2])
    sim.editItem(ALICE, a.id, { status: 'completed' })
    sim.deleteItem(ALICE, b.id)
    const second = await round(sim, first.deltaLink)
    expect(second.value).toMatchObject([{ id: a.id, status: 'completed' }, { id: b.id, '@removed': { reason: 'deleted' } }])
    expect((await round(sim, second.deltaLink)).value).toEqual([])
  })

  it('are not there in a cloud without To Do', async () => {
    sim.setSwitches({ todo: false })
    expect(await ask(sim, 'GET', LISTS)).toMatchObject({ status: 400, body: { error: { code: 'BadRequest' } } })
  })

  it('belong to that list', async () => {
    const { deltaLink } = await round(sim, `${tasks}/delta`)
    const { id } = (await ask(sim, 'POST', LISTS, { displayName: 'Trips' })).body
    await ask(sim, 'POST', `${LISTS}/${id}/tasks`, { title: 'Elsewhere' })
    expect((await round(sim, deltaLink)).value).toEqual([])
  })
})
