import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createSimClock } from '../clock.ts'
import { clientOf, type ForeignClient, meeting, task } from './foreign-client.ts'
import { startVtenextSim, type VtenextSim } from './index.ts'

let sim: VtenextSim
let admin: ForeignClient
beforeAll(async () => {
  sim = await startVtenextSim({ clock: createSimClock(() => Date.parse('2026-11-22T17:20:06Z')) })
})
beforeEach(async () => {
  sim.reset()
  admin = await clientOf(sim, 'admin')
})
afterAll(() => sim.stop())

describe('texts', () => {
  it('lose what does not fit, entities and 4-byte characters, without a word', async () => {
    const { subject, location, description } = await admin.create(
      'Events',
      meeting({ subject: 'x'.repeat(120), location: 'y'.repeat(151), description: 'Party 🎉 &amp; <b>"cake"</b> è' }),
    )
    expect(subject).toHaveLength(100)
    expect(location).toHaveLength(150)
    expect(description).toBe('Party ???? & <b>"cake"</b> è')
  })

  it('come back as strings, whatever JSON type was sent', async () => {
    const contact = await admin.create('Contacts', {
      lastname: 'Neri',
      assigned_user_id: '19x1',
      donotcall: true,
      phone: 12,
    })
    expect(contact).toMatchObject({ donotcall: '1', phone: '12', emailoptout: '0', title: '' })
    expect(Object.values(contact).every((value) => typeof value === 'string')).toBe(true)
    expect((await admin.revise({ id: contact.id, donotcall: 'off' })).donotcall).toBe('0')
  })

  it('are kept in the field labelled Exchange ID, which can be searched', async () => {
    const { fields } = await admin.result('GET', 'describe', { elementType: 'Contacts' })
    const { name } = fields.find(({ label }: { label: string }) => label === 'Exchange ID')
    const { id } = await admin.create('Contacts', {
      lastname: 'Neri',
      assigned_user_id: '19x1',
      [name]: 'AAMkAD=',
      cf_1: 'lost',
    })
    expect(await admin.query(`select id from Contacts where ${name}='AAMkAD=';`)).toEqual([{ id }])
    await admin.revise({ id, [name]: 'AAMkAE=' })
    expect(await admin.query(`select id from Contacts where ${name}='AAMkAD=';`)).toEqual([])
    expect(await admin.retrieve(id)).not.toHaveProperty('cf_1')
  })
})

describe('dates', () => {
  it('become 0000-00-00 where neither yyyy-mm-dd nor the own format fits', async () => {
    const carol = await clientOf(sim, 'carol')
    const asCarol = async (birthday: string): Promise<string> =>
      (await carol.create('Contacts', { lastname: 'Neri', assigned_user_id: '19x6', birthday })).birthday
    expect(await asCarol('17-05-1980')).toBe('17-05-1980')
    expect(await asCarol('1980-05-17')).toBe('17-05-1980')
    expect(await asCarol('1980-02-31')).toBe('00-00-0000')
    const { id, date_start } = await admin.create('Events', meeting({ date_start: '01/12/2026' }))
    expect(date_start).toBe('0000-00-00')
    expect(await admin.query(`select date_start from Events where id='${id}';`)).toEqual([
      { date_start: '0000-00-00', id },
    ])
  })
})

describe('update and revise', () => {
  it('update empties what is absent, revise leaves it, and both bump modifiedtime', async () => {
    const { id } = await admin.create('Events', meeting({ description: 'D', location: 'L' }))
    sim.clock.advance(1000)
    const revised = await admin.revise({ id, subject: 'Revised' })
    expect(revised).toMatchObject({ description: 'D', location: 'L', modifiedtime: '2026-11-22 18:20:07' })
    sim.clock.advance(1000)
    const updated = await admin.update(meeting({ id, subject: 'Updated' }))
    expect(updated).toMatchObject({ description: '', location: '', modifiedtime: '2026-11-22 18:20:08' })
    sim.clock.advance(1000)
    expect((await admin.revise({ id })).modifiedtime).toBe('2026-11-22 18:20:09')
    expect(sim.writes).toEqual({ create: 1, revise: 2, update: 1, delete: 0 })
  })

  it('clear a field by null and by the empty string, but never a mandatory one', async () => {
    const { id } = await admin.create('Contacts', {
      lastname: 'Neri',
      title: 'CEO',
      fax: '1',
      assigned_user_id: '19x1',
    })
    expect(await admin.revise({ id, title: null, fax: '' })).toMatchObject({ title: '', fax: '' })
    expect(await admin.error('POST', 'revise', { element: JSON.stringify({ id, lastname: '' }) })).toEqual({
      code: 'MANDATORY_FIELDS_MISSING',
      message: 'lastname does not have a value',
    })
  })

  it('never change ical_uuid; update resets recurr_idx, revise keeps it', async () => {
    const made = await admin.create('Events', meeting({ ical_uuid: 'EXCH-1', recurr_idx: 3 }))
    expect(made).toMatchObject({ ical_uuid: 'EXCH-1', recurr_idx: '3' })
    const { id } = made
    expect(await admin.revise({ id, ical_uuid: 'EXCH-2' })).toMatchObject({ ical_uuid: 'EXCH-1', recurr_idx: '3' })
    expect(await admin.update(meeting({ id, ical_uuid: 'EXCH-2' }))).toMatchObject({
      ical_uuid: 'EXCH-1',
      recurr_idx: '0',
    })
    expect(await admin.query("select id from Events where ical_uuid='exch-1';")).toEqual([{ id }])
  })
})

describe('deleting', () => {
  it('is idempotent, and the record is then answered as forbidden, not as missing', async () => {
    const { id } = await admin.create('Contacts', { lastname: 'Neri', assigned_user_id: '19x1' })
    expect(await admin.result('POST', 'delete', { id })).toEqual({ status: 'successful' })
    expect(await admin.result('POST', 'delete', { id })).toBeNull()
    expect(await admin.result('POST', 'delete', { id: '4x99999' })).toBeNull()
    const gone = { code: 'ACCESS_DENIED', message: 'Permission to perform the operation is denied' }
    expect(await admin.error('GET', 'retrieve', { id })).toEqual(gone)
    expect(await admin.error('POST', 'revise', { element: JSON.stringify({ id, title: 'x' }) })).toEqual(gone)
    expect(await admin.query('select id from Contacts;')).toEqual([])
    expect(sim.writes.delete).toBe(1)
  })
})

describe('ids', () => {
  it('with the prefix of another module are refused, as events and tasks share their numbers', async () => {
    const { id } = await admin.create('Calendar', task())
    const wrong = { code: 'INVALID_ID_ATTRIBUTE', message: 'Id specified is incorrect' }
    expect(id).toMatch(/^1x/)
    expect(await admin.error('GET', 'retrieve', { id: id.replace('1x', '18x') })).toEqual(wrong)
    expect(await admin.error('POST', 'delete', { id: id.replace('1x', '18x') })).toEqual(wrong)
  })

  it('of a task made without activitytype=Task turn into those of an event', async () => {
    const half = await admin.create('Calendar', task({ activitytype: undefined }))
    expect(half.id).toBe('1x22')
    expect(await admin.query('select id from Calendar;')).toEqual([])
    expect(await admin.query('select id,subject from Events;')).toEqual([{ id: '18x22', subject: 'Call back' }])
    expect((await admin.retrieve('18x22')).eventstatus).toBe('')
  })
})

describe('an owner who does not exist', () => {
  it('is answered as an error after the record was saved, and poisons queries but not the change feed', async () => {
    const good = await admin.create('Contacts', { lastname: 'Neri', assigned_user_id: '19x1' })
    const element = JSON.stringify({ lastname: 'Lost', assigned_user_id: '19x999' })
    const broken = { code: 'INVALID_ID_ATTRIBUTE', message: 'Invalid owner of the record' }
    expect(await admin.error('POST', 'create', { elementType: 'Contacts', element })).toEqual(broken)
    expect(await admin.query('select count(*) from Contacts;')).toEqual([{ count: '2' }])
    expect(await admin.query('select id,lastname from Contacts;')).toHaveLength(2)
    expect(await admin.error('GET', 'query', { query: 'select * from Contacts;' })).toEqual(broken)
    const { created } = await admin.changes({ module: 'Contacts' })
    expect(created.map(({ id }: { id: string }) => id)).toEqual([good.id])
  })

  it('cannot be named by somebody who is no admin, nor can a group he is not in', async () => {
    const carol = await clientOf(sim, 'carol')
    const refuse = (assigned_user_id: string): Promise<unknown> =>
      carol.error('POST', 'create', { elementType: 'Events', element: JSON.stringify(meeting({ assigned_user_id })) })
    for (const owner of ['19x999', '22x7', '4x24', '5']) {
      expect(await refuse(owner)).toEqual({ code: 'ACCESS_DENIED', message: 'Cannot assign record to the given user' })
    }
    expect((await carol.create('Events', meeting({ assigned_user_id: '19x4' }))).assigned_user_id).toBe('19x4')
  })
})
