import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectAccessible, launchBrowser, open, signIn, visit } from './support/browser.ts'
import { at, eventually, openOffice } from './support/office.ts'
import type { Office } from './support/office.ts'

let browser: Browser
let office: Office

beforeAll(async () => {
  office = await openOffice({ users: [{ crm: 'alice', mailbox: 'alice@example.test', exchange: 'onprem' }] })
  const { tenant, clientId, clientSecret, login, url } = office.cloud
  const cloud = { name: 'cloud', kind: 'graph', tenant, clientId, clientSecret, access: 'application', tasks: true, loginUrl: login, graphUrl: url, pollSeconds: 1 }
  await office.running.panel.station.change((sections) => ({
    ...sections, exchange: [...(sections.exchange as object[]), cloud], users: [...(sections.users as object[]), { crm: 'carol', mailbox: 'carol@example.test', exchange: 'cloud' }],
  }))
  await eventually('both mailboxes are known', () => office.running.panel.station.running()?.connector.directory().mailboxes.length === 2)
  browser = await launchBrowser()
})
afterAll(async () => {
  await browser?.close()
  await office?.close()
})

const SET = '<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="folder:PermissionSet"/></t:AdditionalProperties></m:FolderShape><m:FolderIds><t:DistinguishedFolderId Id="calendar"/></m:FolderIds></m:GetFolder>'

/** Alice's own Outlook asks her server. */
async function outlook(operation: string): Promise<string> {
  const answer = await fetch(office.ews.url, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from('alice@example.test:alice-password').toString('base64')}`, 'content-type': 'text/xml; charset=utf-8' },
    body: `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><s:Header><t:RequestServerVersion Version="Exchange2013_SP1"/></s:Header><s:Body>${operation}</s:Body></s:Envelope>`,
  })
  const text = await answer.text()
  expect(text).toContain('<m:ResponseCode>NoError</m:ResponseCode>')
  return text
}
/** One text for each entry of alice's calendar, every right of it included. */
const entriesOnPremises = async () => [...(await outlook(SET)).matchAll(/<t:CalendarPermission>.*?<\/t:CalendarPermission>/gs)].map(([entry]) => entry)

async function givenInOutlook(entries: Readonly<Record<string, string>>): Promise<void> {
  const key = /<t:FolderId [^>]*\/>/.exec(await outlook(SET))?.[0] ?? ''
  const xml = Object.entries(entries).map(([who, rights]) => `<t:CalendarPermission><t:UserId>${who.includes('@') ? `<t:PrimarySmtpAddress>${who}</t:PrimarySmtpAddress>` : `<t:DistinguishedUser>${who}</t:DistinguishedUser>`}</t:UserId>${rights}</t:CalendarPermission>`)
  await outlook('<m:UpdateFolder><m:FolderChanges><t:FolderChange>' + key + '<t:Updates><t:SetFolderField><t:FieldURI FieldURI="folder:PermissionSet"/><t:CalendarFolder><t:PermissionSet><t:CalendarPermissions>'
    + `${xml.join('')}</t:CalendarPermissions></t:PermissionSet></t:CalendarFolder></t:SetFolderField></t:Updates></t:FolderChange></m:FolderChanges></m:UpdateFolder>`)
}
const level = (name: string) => `<t:CalendarPermissionLevel>${name}</t:CalendarPermissionLevel>`

/** What the simulated cloud has stored. */
function entriesInCloud(): string[] {
  const { store } = office.graph.world
  const mailbox = store.all().find(({ address }) => address === 'carol@example.test')
  return mailbox === undefined ? [] : store.wellKnown(mailbox, 'calendar').permissions.map((one) => JSON.stringify(one))
}

const share = async (page: Page, colleague: string) => {
  await page.getByLabel('A colleague’s address').fill(colleague)
  await page.getByRole('button', { name: 'Share', exact: true }).click()
}

describe('colleagues I share my availability with', () => {
  it('on Exchange: one is given it and loses it again, and what others have is not touched', async () => {
    const custom = `<t:CanCreateItems>true</t:CanCreateItems><t:ReadItems>TimeOnly</t:ReadItems>${level('Custom')}`
    await givenInOutlook({ Default: level('None'), 'carol@example.test': level('Reviewer'), 'user1@example.test': custom, Anonymous: level('None') })
    const before = await entriesOnPremises()
    expect(before).toHaveLength(4)
    const { page, complaints, close } = await visit(browser)
    await signIn(page, office.url, 'alice')
    await open(page, office.url, '/me')
    await page.getByRole('heading', { name: 'Colleagues who see when I am free' }).waitFor()
    await share(page, 'bob@example.test')
    const end = page.getByRole('button', { name: 'End: bob@example.test' })
    await end.waitFor()
    await expectAccessible(page, 'sharing')
    const given = await entriesOnPremises()
    expect(given.filter((entry) => before.includes(entry))).toEqual(before)
    expect(given.filter((entry) => !before.includes(entry))).toEqual([expect.stringMatching(/bob@example\.test.*FreeBusyTimeOnly/s)])
    // Who sees more is not lowered, neither by sharing nor by a button.
    await share(page, 'carol@example.test')
    await page.getByText('carol@example.test sees more than that of your calendar.', { exact: false }).waitFor()
    expect(await page.getByRole('button', { name: /^End: (carol|user1)/ }).count()).toBe(0)
    await end.click()
    await end.waitFor({ state: 'detached' })
    expect(await entriesOnPremises()).toEqual(before)
    expect(complaints).toEqual([])
    await close()
  })

  it('in Microsoft 365: one is given it and loses it again, and what others have is not touched', async () => {
    const { store } = office.graph.world
    const carol = store.all().find(({ address }) => address === 'carol@example.test')
    if (carol === undefined) throw new Error('carol has no mailbox')
    store.wellKnown(carol, 'calendar').permissions.push({ id: 'L089RXhjaGFuZ2V-bob', name: 'Bob', address: 'bob@example.test', role: 'read' })
    const before = entriesInCloud()
    const { page, complaints, close } = await visit(browser)
    await signIn(page, office.url, 'carol')
    await open(page, office.url, '/me')
    await share(page, 'alice@example.test')
    const end = page.getByRole('button', { name: 'End: alice@example.test' })
    await end.waitFor()
    expect(entriesInCloud()).toEqual([...before, expect.stringMatching(/alice@example\.test.*freeBusyRead/)])
    expect(await page.getByRole('button', { name: 'End: bob@example.test' }).count()).toBe(0)
    await end.click()
    await end.waitFor({ state: 'detached' })
    expect(entriesInCloud()).toEqual(before)
    expect(complaints).toEqual([])
    await close()
  })
})

describe('an edit of a meeting that nobody was told of, because the policy does not allow it', () => {
  it('stands under "Held mails" with who was not told, what changed and what to do, until somebody has seen to it', async () => {
    office.ews.putItem('alice@example.test', 'calendar', { Subject: 'Supervisory board', Start: at(3, '11:00'), End: at(3, '12:00'), Location: 'Small room', RequiredAttendees: ['guest@elsewhere.example'], send: true })
    await eventually('the meeting is in the CRM', () => office.records('Events').some((one) => one['subject'] === 'Supervisory board'))
    await eventually('the pair is known', async () => (await office.running.panel.health.health()).linked > 0)
    const mails = office.ews.outbox.length
    office.vtenext.edit(office.records('Events').find((one) => one['subject'] === 'Supervisory board')?.['id'] ?? '', { location: 'Big room' })
    await eventually('the edit is in Exchange', () => office.item('alice', 'Supervisory board')?.fields['Location'] === 'Big room')
    expect(office.ews.outbox).toHaveLength(mails)
    const { page, complaints, close } = await visit(browser)
    await signIn(page, office.url, 'admin')
    await open(page, office.url, '/attention?tab=mails')
    await page.getByText('Supervisory board').waitFor()
    await page.getByText(/^Not told: .*guest/).waitFor()
    await page.getByText('open the meeting in Outlook and send the update from there', { exact: false }).waitFor()
    await page.getByRole('button', { name: 'What changed' }).click()
    await page.getByRole('cell', { name: 'Small room' }).waitFor()
    await page.getByRole('cell', { name: 'Big room' }).waitFor()
    await expectAccessible(page, 'untold')
    const { people } = office.running.panel.store.panel
    const [row] = (await page.evaluate('fetch("/api/attention/untold").then((one) => one.json())') as { rows: { id: string }[] }).rows
    const asBob = await visit(browser)
    await signIn(asBob.page, office.url, 'bob')
    const tried = await asBob.page.evaluate(`fetch('/api/session').then((one) => one.json()).then(({ csrf }) => fetch('/api/attention/untold', { method: 'POST', headers: { 'content-type': 'application/json', 'x-csrf-token': csrf }, body: JSON.stringify({ ids: ['${row?.id}'] }) })).then((one) => one.status)`)
    expect([tried, (await asBob.page.evaluate('fetch("/api/attention/untold").then((one) => one.json())') as { total: number }).total]).toEqual([409, 0])
    await asBob.close()
    await page.getByRole('button', { name: /^Dismiss/ }).click()
    await page.getByText('No mail is held').waitFor()
    expect((await people.log({ limit: 1 })).map(({ action }) => action)).toEqual(['untold.dismiss'])
    expect(complaints).toEqual([])
    await close()
  })
})

describe('a change that would mail the guests of a meeting in Microsoft 365', () => {
  it('is not made, and stands under "Held mails" with what to do', async () => {
    const guest = { emailAddress: { address: 'guest@elsewhere.example', name: 'Guest' }, type: 'required' }
    office.graph.putItem('carol@example.test', 'calendar', { subject: 'Board', start: at(3, '09:00'), end: at(3, '10:00'), attendees: [guest] })
    await eventually('the meeting is in the CRM', () => office.records('Events').some((one) => one['subject'] === 'Board'))
    const mails = office.graph.outbox.length
    office.vtenext.edit(office.records('Events').find((one) => one['subject'] === 'Board')?.['id'] ?? '', { subject: 'Board, in the big room' })
    const { page, close } = await visit(browser)
    await signIn(page, office.url, 'carol')
    await eventually('the change is held', async () => (await page.evaluate('fetch("/api/attention").then((one) => one.json())') as { mails: number }).mails === 1)
    await open(page, office.url, '/attention?tab=mails')
    await page.getByText('Board, in the big room').waitFor()
    await page.getByText('Its change can only be made in Outlook', { exact: false }).waitFor()
    await page.getByText('Make them in Outlook, or undo them in the CRM.', { exact: false }).waitFor()
    await expectAccessible(page, 'held-mails')
    expect(office.graph.outbox).toHaveLength(mails)
    const [meeting, ...more] = office.graph.items('carol@example.test', 'calendar')
    expect([meeting?.fields['subject'], more]).toEqual(['Board', []])
    // She makes it in Outlook, as she was told: then nothing waits any more.
    office.graph.editItem('carol@example.test', meeting?.id ?? '', { subject: 'Board, in the big room' })
    await page.getByText('No mail is held').waitFor()
    expect(office.records('Events').map((one) => one['subject'])).toEqual(['Supervisory board', 'Board, in the big room'])
    await close()
  })
})
