import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { dump } from './support/database.ts'
import { install, NOTHING } from './support/installation.ts'
import type { Installation } from './support/installation.ts'
import { until } from './support/process.ts'
import { startSimulators } from './support/simulators.ts'
import type { Simulators } from './support/simulators.ts'

let simulators: Simulators
let office: Installation
let ids: ReadonlyMap<string, string>

beforeAll(async () => {
  simulators = await startSimulators()
})
afterAll(() => simulators.stop())
beforeEach(async () => {
  await simulators.clear()
  const { users, groups } = await simulators.control('vtenext/users')
  ids = new Map([...users.map(({ username, id }: any) => [username, id]), ...groups.map(({ name, id }: any) => [name, id])])
  office = await install(simulators)
})
afterEach(() => office.close())

const contact = (lastname: string, owner: string, fields: object = {}) =>
  simulators.putRecord('admin', 'Contacts', { firstname: 'Giulia', lastname, assigned_user_id: ids.get(owner) ?? '', ...fields })
const people = async (who: string) => (await simulators.items(who, 'vtenext').catch(() => [])).map(({ fields }) => fields['Surname']).toSorted()
const everywhere = () => Promise.all(['alice', 'bob', 'carol'].map(people))
const cardOf = async (who: string, lastname: string) => {
  const found = (await simulators.items(who, 'vtenext')).find(({ fields }) => fields['Surname'] === lastname)
  if (found === undefined) throw new Error(`${who} has no ${lastname}`)
  return found
}

/** The contact as any client sees it. */
async function wholeCard(who: string, lastname: string): Promise<string> {
  const { id } = await cardOf(who, lastname)
  return simulators.soap(who, '<m:GetItem><m:ItemShape><t:BaseShape>AllProperties</t:BaseShape><t:BodyType>Text</t:BodyType><t:AdditionalProperties>'
    + '<t:ExtendedFieldURI PropertyTag="0x3a45" PropertyType="String"/><t:ExtendedFieldURI PropertyTag="0x3a64" PropertyType="String"/><t:ExtendedFieldURI DistinguishedPropertySetId="Address" PropertyId="32842" PropertyType="String"/>'
    + `</t:AdditionalProperties></m:ItemShape><m:ItemIds><t:ItemId Id="${id}"/></m:ItemIds></m:GetItem>`)
}

describe('whose contacts go where', () => {
  it('to the user they are assigned to, to every member of a group, and the rest to the default user or nobody', async () => {
    await contact('Own', 'alice')
    await contact('Shared', 'Sales')
    await contact('Rest', 'admin')
    expect(await office.sync()).toMatchObject({ exchange: { created: 3 }, crm: NOTHING })
    expect(await everywhere()).toEqual([['Own', 'Shared'], ['Shared'], []])
    await office.settled()
    office.configure({ policy: { defaultContactUser: 'carol' } })
    expect(await office.sync()).toMatchObject({ exchange: { created: 1, updated: 0, deleted: 0 } })
    expect(await everywhere()).toEqual([['Own', 'Shared'], ['Shared'], ['Rest']])
    office.configure({ policy: { defaultContactUser: 'carol' }, groups: [{ crm: 'Sales', members: ['bob', 'carol'] }] })
    await office.sync()
    expect(await everywhere()).toEqual([['Own'], ['Shared'], ['Rest', 'Shared']])
    const [shared] = (await simulators.records('Contacts')).filter(({ lastname }) => lastname === 'Shared')
    await simulators.editRecord('admin', shared?.['id'] ?? '', { assigned_user_id: ids.get('alice') })
    await office.sync()
    expect(await everywhere()).toEqual([['Own', 'Shared'], [], ['Rest']])
    await office.settled()
  })
})

describe('what a contact brings along', () => {
  it('is every field there is a place for: both addresses, all phones, company, birthday, assistant', async () => {
    const account = await simulators.putRecord('admin', 'Accounts', { accountname: 'Rossi Srl', assigned_user_id: ids.get('alice') })
    const record = await contact('Rossi', 'alice', {
      salutationtype: 'Dr.', title: 'Buyer', department: 'Purchase', email: 'giulia@rossi.example', phone: '+39 02 1', mobile: '+39 333 2', homephone: '+39 02 3', otherphone: '+39 02 4', fax: '+39 02 5',
      assistant: 'Marco Bianchi', assistantphone: '+39 02 6', birthday: '1980-02-29', account_id: account, description: 'Likes <coffee> & cake',
      mailingstreet: 'Via Roma 1', mailingpobox: 'CP 7', mailingcity: 'Milano', mailingstate: 'MI', mailingzip: '20100', mailingcountry: 'Italia',
      otherstreet: 'Am Markt 2', otherpobox: 'PF 8', othercity: 'Bozen', otherstate: 'BZ', otherzip: '39100', othercountry: 'Südtirol',
    })
    await office.sync()
    const card = await wholeCard('alice', 'Rossi')
    const entry = (key: string, value: string) => expect(card).toMatch(new RegExp(`<t:Entry Key="${key}"[^>]*>${value.replace(/[+]/g, '\\+')}</t:Entry>`))
    for (const [name, value] of Object.entries({
      GivenName: 'Giulia', Surname: 'Rossi', DisplayName: 'Giulia Rossi', FileAs: 'Rossi, Giulia', JobTitle: 'Buyer', Department: 'Purchase', CompanyName: 'Rossi Srl', AssistantName: 'Marco Bianchi',
    })) expect(card, name).toContain(`<t:${name}>${value}</t:${name}>`)
    expect(card).toMatch(/<t:Birthday>1980-02-29T/)
    expect(card).toMatch(/Likes &lt;coffee(&gt;|>) &amp; cake/)
    entry('EmailAddress1', 'giulia@rossi.example')
    for (const [key, value] of Object.entries({ BusinessPhone: '+39 02 1', MobilePhone: '+39 333 2', HomePhone: '+39 02 3', OtherTelephone: '+39 02 4', BusinessFax: '+39 02 5', AssistantPhone: '+39 02 6' })) entry(key, value)
    const address = (key: string) => new RegExp(`<t:Entry Key="${key}">(.*?)</t:Entry>`, 's').exec(card.slice(card.indexOf('<t:PhysicalAddresses>')))?.[1]
    expect(address('Business')).toBe('<t:Street>Via Roma 1</t:Street><t:City>Milano</t:City><t:State>MI</t:State><t:CountryOrRegion>Italia</t:CountryOrRegion><t:PostalCode>20100</t:PostalCode>')
    expect(address('Other')).toBe('<t:Street>Am Markt 2</t:Street><t:City>Bozen</t:City><t:State>BZ</t:State><t:CountryOrRegion>Südtirol</t:CountryOrRegion><t:PostalCode>39100</t:PostalCode>')
    for (const value of ['Dr.', 'CP 7', 'PF 8']) expect(card).toContain(`<t:Value>${value}</t:Value>`)
    await office.settled()
    // An emptied field is emptied there, too; a renamed company is renamed.
    await simulators.editRecord('admin', record, { mobile: '', birthday: '', othercity: '', lastname: 'Verdi' })
    await simulators.editRecord('admin', account, { accountname: 'Rossi SpA' })
    await office.sync()
    const after = await wholeCard('alice', 'Verdi')
    expect(after).toContain('<t:FileAs>Verdi, Giulia</t:FileAs>')
    for (const gone of ['+39 333 2', '1980', 'Bozen']) expect(after).not.toContain(gone)
    for (const there of ['Am Markt 2', 'Rossi SpA']) expect(after).toContain(there)
    await office.settled()
  })
})

describe('what happens to contacts in Outlook', () => {
  it('never touches the CRM: an edit stays until the record changes, a deleted one stays away, and nothing of one\'s own is taken up', async () => {
    const record = await contact('Rossi', 'Sales', { title: 'Buyer', phone: '1' })
    await contact('Bianchi', 'alice')
    await office.sync()
    const before = await simulators.records('Contacts')
    await simulators.editItem('alice', (await cardOf('alice', 'Rossi')).id, { JobTitle: 'My friend' })
    await simulators.deleteItem('alice', (await cardOf('alice', 'Bianchi')).id)
    await simulators.putItem('alice', 'vtenext', { GivenName: 'My', Surname: 'Aunt' })
    await simulators.putItem('alice', 'contacts', { GivenName: 'My', Surname: 'Uncle' })
    expect(await office.sync()).toMatchObject({ crm: NOTHING, exchange: NOTHING })
    expect(await simulators.records('Contacts')).toEqual(before)
    expect((await cardOf('alice', 'Rossi')).fields).toMatchObject({ JobTitle: 'My friend' })
    await office.settled()
    await simulators.editRecord('admin', record, { phone: '2' })
    await office.sync()
    for (const who of ['alice', 'bob']) expect((await cardOf(who, 'Rossi')).fields['JobTitle']).toBe('Buyer')
    expect(await people('alice')).toEqual(['Aunt', 'Rossi'])
    expect(await dump(office)).not.toContain('Uncle')
    await office.settled()
    await simulators.control('vtenext/remove', { id: record })
    await office.sync()
    expect([await people('alice'), await people('bob')]).toEqual([['Aunt'], []])
  })

  it('is undone at the next run with the policy "crm-wins"; what was deleted stays away all the same', async () => {
    office.configure({ policy: { contacts: 'crm-wins' } })
    await contact('Rossi', 'alice', { title: 'Buyer' })
    await contact('Bianchi', 'alice')
    await office.sync()
    await simulators.editItem('alice', (await cardOf('alice', 'Rossi')).id, { JobTitle: 'My friend' })
    await simulators.deleteItem('alice', (await cardOf('alice', 'Bianchi')).id)
    expect(await office.sync()).toMatchObject({ crm: NOTHING, exchange: { created: 0, updated: 1 } })
    expect((await cardOf('alice', 'Rossi')).fields['JobTitle']).toBe('Buyer')
    expect(await people('alice')).toEqual(['Rossi'])
    await office.settled()
  })
})

describe('many contacts of a group', () => {
  it('arrive in batches that a killed process leaves and the next one goes on with; progress is shown, and a second run reads little', async () => {
    const count = 600
    for (let at = 0; at < count; at += 30) await Promise.all(Array.from({ length: 30 }, (_, n) => contact(`Nr${at + n}`, 'Sales', { email: `nr${at + n}@customers.example` })))
    const created = async () => (await simulators.control('ews/state')).writes.created as number
    const before = await created()
    const killed = office.launch('sync', '--once', '--json', '--verbose')
    await until('some contacts are there', async () => (await created()) > before + 50, 60_000)
    killed.kill('SIGKILL')
    await killed.ended
    const reached = (await created()) - before
    expect(reached).toBeLessThan(2 * count)
    const resumed = await office.run('sync', '--once', '--json', '--verbose')
    expect(resumed.json).toMatchObject({ ok: true, failed: 0 })
    expect((await created()) - before).toBe(2 * count)
    expect([(await people('alice')).length, new Set(await people('alice')).size, new Set(await people('bob')).size]).toEqual([count, count, count])
    expect(resumed.stderr).toMatch(/"waiting":\d+.*"msg":"progress"|"msg":"progress".*"waiting":\d+/)
    const asked = async () => (await simulators.control('ews/state')).requests as number + ((await simulators.control('vtenext/state')).requests as number)
    const from = await asked()
    await office.settled()
    expect((await asked()) - from).toBeLessThan(80)
  })
})
