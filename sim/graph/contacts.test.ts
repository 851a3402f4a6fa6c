import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import type { GraphSim } from './index.ts'
import { startGraphSim } from './index.ts'
import { ALICE, ask, IMMUTABLE, round, STAMP, users } from './test-client.ts'

let sim: GraphSim
const FOLDERS = users(ALICE, 'contactFolders')
let folder: string

beforeEach(async () => {
  sim = await startGraphSim()
  folder = `${FOLDERS}/${(await ask(sim, 'POST', FOLDERS, { displayName: 'vtenext' })).body.id}/contacts`
})
afterEach(() => sim.stop())

const create = async (body: object) => ask(sim, 'POST', folder, body, { headers: IMMUTABLE })

describe('a contact', () => {
  it('is made, changed and deleted', async () => {
    const { status, body } = await create({ givenName: 'Giulia', surname: 'Rossi', emailAddresses: [{ address: 'giulia.rossi@rossi.example' }], businessPhones: ['+39 02 5550101'] })
    expect(status).toBe(201)
    expect(body).toMatchObject({ displayName: 'Giulia Rossi', fileAs: 'Rossi, Giulia', emailAddresses: [{ name: 'giulia.rossi@rossi.example', address: 'giulia.rossi@rossi.example' }] })
    const changed = await ask(sim, 'PATCH', `${folder}/${body.id}`, { jobTitle: 'Buyer' }, { headers: { ...IMMUTABLE, 'if-match': body['@odata.etag'] } })
    expect(changed.body).toMatchObject({ id: body.id, jobTitle: 'Buyer', surname: 'Rossi' })
    expect((await ask(sim, 'PATCH', `${folder}/${body.id}`, { jobTitle: 'X' }, { headers: { 'if-match': body['@odata.etag'] } })).status).toBe(412)
    expect((await ask(sim, 'DELETE', `${folder}/${body.id}`)).status).toBe(204)
    expect((await ask(sim, 'GET', `${folder}/${body.id}`)).status).toBe(404)
  })

  it('keeps the parts of an address that an update leaves out', async () => {
    const { id } = (await create({ givenName: 'Anna', businessAddress: { street: 'Via Roma 1', city: 'Bolzano' } })).body
    const { body } = await ask(sim, 'PATCH', `${folder}/${id}`, { businessAddress: { postalCode: '39100', city: null } })
    expect(body.businessAddress).toEqual({ street: 'Via Roma 1', postalCode: '39100' })
  })

  it('carries extended properties by which it is found', async () => {
    await create({ givenName: 'Anna', singleValueExtendedProperties: [{ id: STAMP, value: 'v1' }] })
    await create({ givenName: 'Bruno' })
    const filter = encodeURIComponent(`singleValueExtendedProperties/Any(ep: ep/id eq '${STAMP}' and ep/value eq 'v1')`)
    const { body } = await ask(sim, 'GET', `${folder}?$filter=${filter}&$select=givenName&$expand=singleValueExtendedProperties($filter=id eq '${STAMP}')`)
    expect(body.value).toMatchObject([{ givenName: 'Anna', singleValueExtendedProperties: [{ value: 'v1' }] }])
    expect(body.value[0]).not.toHaveProperty('surname')
  })

  it.each([
    ['an unknown property', { phone: '1' }, 'RequestBodyRead'],
    ['a number as name', { givenName: 1 }, 'RequestBodyRead'],
    ['four addresses', { emailAddresses: Array(4).fill({ address: 'a@b.example' }) }, 'ErrorInvalidProperty'],
    ['three business phones', { businessPhones: ['1', '2', '3'] }, 'ErrorInvalidProperty'],
    ['an unknown part of an address', { homeAddress: { zip: '1' } }, 'RequestBodyRead'],
    ['a birthday that is none', { birthday: 'soon' }, 'RequestBodyRead'],
  ])('is refused with %s', async (_, wrong, code) => {
    expect(await create({ givenName: 'Anna', ...wrong })).toMatchObject({ status: 400, body: { error: { code } } })
    expect(sim.items(ALICE)).toEqual([])
  })
})

describe('contact folders', () => {
  it('do not list the default folder, which holds what names no folder', async () => {
    await ask(sim, 'POST', users(ALICE, 'contacts'), { givenName: 'Anna' })
    expect((await ask(sim, 'GET', FOLDERS)).body.value.map(({ displayName }: any) => displayName)).toEqual(['vtenext'])
    expect(sim.items(ALICE, 'contacts')).toHaveLength(1)
    expect((await ask(sim, 'GET', folder)).body.value).toEqual([])
  })

  it('have one name each, can be found by it, renamed, nested and deleted', async () => {
    expect((await ask(sim, 'POST', FOLDERS, { displayName: 'VTENEXT' })).body.error.code).toBe('ErrorFolderExists')
    const [found] = (await ask(sim, 'GET', `${FOLDERS}?$filter=displayName eq 'vtenext'`)).body.value
    await ask(sim, 'POST', `${FOLDERS}/${found.id}/childFolders`, { displayName: 'vtenext' })
    expect((await ask(sim, 'GET', `${FOLDERS}/${found.id}/childFolders`)).body.value).toMatchObject([{ parentFolderId: found.id }])
    expect((await ask(sim, 'PATCH', `${FOLDERS}/${found.id}`, { displayName: 'CRM' })).body.displayName).toBe('CRM')
    await create({ givenName: 'Anna' })
    expect((await ask(sim, 'DELETE', `${FOLDERS}/${found.id}`)).status).toBe(204)
    expect(sim.items(ALICE)).toEqual([])
    expect((await ask(sim, 'GET', folder)).status).toBe(404)
  })
})

describe('the changes of a contact folder', () => {
  it('hold what is new, changed and gone, with the fields selected at the beginning', async () => {
    const { id } = (await create({ givenName: 'Anna' })).body
    const first = await round(sim, `${folder}/delta?$select=givenName`, { headers: IMMUTABLE })
    expect(first.value).toMatchObject([{ id, givenName: 'Anna' }])
    expect(first.value[0]).not.toHaveProperty('surname')
    const other = (await create({ givenName: 'Bruno', surname: 'B' })).body.id
    sim.deleteItem(ALICE, id)
    const second = await round(sim, first.deltaLink, { headers: IMMUTABLE })
    expect(second.value).toEqual([
      { '@odata.type': '#microsoft.graph.contact', '@odata.etag': expect.any(String), id: other, givenName: 'Bruno' },
      { id, '@removed': { reason: 'deleted' } },
    ])
    expect((await round(sim, second.deltaLink)).value).toEqual([])
  })

  it('come in pages, and are lost with the server\'s state', async () => {
    for (let n = 0; n < 5; n++) await create({ givenName: `Anna ${n}` })
    const { pages, deltaLink, value } = await round(sim, `${folder}/delta`, { headers: { prefer: 'odata.maxpagesize=2' } })
    expect([pages, value.length]).toEqual([3, 5])
    sim.resetDeltaTokens()
    expect((await ask(sim, 'GET', deltaLink)).status).toBe(410)
  })

  it('among the folders themselves are told too', async () => {
    const { deltaLink, value } = await round(sim, `${FOLDERS}/delta`)
    expect(value).toMatchObject([{ displayName: 'vtenext' }])
    await ask(sim, 'DELETE', `${FOLDERS}/${value[0].id}`)
    expect((await round(sim, deltaLink)).value).toEqual([{ id: value[0].id, '@removed': { reason: 'deleted' } }])
  })
})
