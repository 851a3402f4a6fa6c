import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectAccessible, launchBrowser, open, PHONE, signIn, visit } from './support/browser.ts'
import type { Visit } from './support/browser.ts'
import { at, eventually, openOffice } from './support/office.ts'
import type { Office } from './support/office.ts'

const DELIVERIES = 12
// Where there is one connection nobody has to name it.
const USERS = ['alice', 'bob'].map((name) => ({ crm: name, mailbox: `${name}@example.test` }))
let browser: Browser
let office: Office
let admin: Visit

beforeAll(async () => {
  office = await openOffice({ policy: { conflict: 'ask', deletionGraceSeconds: 1 }, users: [...USERS, { crm: 'carol', mailbox: 'carol@example.test', exchange: 'onprem', availabilityOnly: true }] }, ({ ews }) => {
    ews.putItem('alice@example.test', 'calendar', { Subject: 'Sales review', Start: at(1, '09:30'), End: at(1, '10:30'), Location: 'Room 2' })
    ews.putItem('alice@example.test', 'calendar', { Subject: 'Trade fair', Start: at(600, '09:00'), End: at(600, '18:00') })
    for (let n = 1; n <= DELIVERIES; n++) ews.putItem('bob@example.test', 'calendar', { Subject: `Delivery ${n}`, Start: at(n, '07:00'), End: at(n, '07:30') })
    ews.putItem('user1@example.test', 'calendar', { Subject: 'Stocktaking', Start: at(3, '08:00'), End: at(3, '12:00') })
  })
  browser = await launchBrowser()
  await eventually('the first sync is done', () => office.records('Events').length === DELIVERIES + 1)
  await eventually('the pairs are known', async () => (await office.running.panel.health.health()).linked === DELIVERIES + 1)
  admin = await visit(browser)
  await signIn(admin.page, office.url, 'admin')
})

afterAll(async () => {
  await browser?.close()
  await office?.close()
})

describe('an administrator', () => {
  it('is told in words that the password is wrong, then signs in and sees how everything stands', async () => {
    const { page, close } = await visit(browser)
    await page.goto(office.url)
    await page.getByLabel('User name').fill('admin')
    await page.getByRole('textbox', { name: 'Password' }).fill('wrong')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('The CRM does not know this user name with this password.').waitFor()
    await expectAccessible(page, 'sign-in')
    await signIn(page, office.url, 'admin')
    await page.getByRole('link', { name: /Healthy/ }).waitFor()
    await expectAccessible(page, 'health')
    await page.getByRole('link', { name: /Healthy/ }).click()
    await page.getByRole('button', { name: 'Alice Rossi' }).waitFor()
    await page.getByText('user1@example.test').waitFor({ state: 'detached' })
    await close()
  })

  it('sees a write arrive without loading the page again, with what was before and after', async () => {
    const { page } = admin
    await open(page, office.url, '/activity')
    const item = office.item('alice', 'Sales review')
    office.ews.editItem('alice@example.test', item?.id ?? '', { Location: 'Room 3' })
    const entry = page.getByRole('button', { name: /Sales review changed/ })
    await entry.waitFor()
    await entry.click()
    await page.getByRole('cell', { name: 'Room 2' }).waitFor()
    await page.getByRole('cell', { name: 'Room 3' }).waitFor()
    await expectAccessible(page, 'activity')
    await page.getByLabel('Search').fill('Delivery 7')
    await page.getByRole('button', { name: /Delivery 7 created/ }).waitFor()
    await entry.waitFor({ state: 'detached' })
  })

  it('decides a conflict with one click, and both sides have the value', async () => {
    const { page } = admin
    const record = office.records('Events').find((one) => one['subject'] === 'Sales review')
    await eventually('the earlier edit has arrived', () => office.records('Events').some((one) => one['location'] === 'Room 3'))
    office.vtenext.edit(record?.['id'] ?? '', { location: 'Customer' })
    office.ews.editItem('alice@example.test', office.item('alice', 'Sales review')?.id ?? '', { Location: 'Room 5' })
    await open(page, office.url, '/attention')
    await page.getByRole('heading', { name: 'Sales review' }).waitFor()
    await page.getByText('Place was changed on both sides').waitFor()
    await expectAccessible(page, 'conflict')
    await page.getByRole('button', { name: 'Keep the CRM’s value' }).click()
    await eventually('Exchange has the value of the CRM', () => office.item('alice', 'Sales review')?.fields['Location'] === 'Customer')
    await page.getByText('All clear').waitFor()
  })

  it('puts back what somebody deleted by mistake, before the CRM has lost it', async () => {
    const { page } = admin
    for (const { id, fields } of office.ews.items('bob@example.test', 'calendar')) if (String(fields['Subject']).startsWith('Delivery')) office.ews.deleteItem('bob@example.test', id)
    await open(page, office.url, '/attention?tab=held')
    const all = page.getByRole('button', { name: `Put all ${DELIVERIES} back` })
    await all.waitFor()
    await expectAccessible(page, 'held')
    expect(office.records('Events').filter((one) => one['subject']?.startsWith('Delivery'))).toHaveLength(DELIVERIES)
    await all.click()
    await eventually('the deliveries are in the calendar again', () => office.ews.items('bob@example.test', 'calendar').length === DELIVERIES)
    await page.getByText('All clear').waitFor()
  })

  it('tests and connects several mailboxes at once, and sees which one cannot be', async () => {
    const { page } = admin
    office.ews.removeMailbox('user2@example.test')
    await open(page, office.url, '/users?standing=off')
    await page.getByLabel('Select user1', { exact: true }).first().check()
    await page.getByLabel('Select user2', { exact: true }).first().check()
    await expectAccessible(page, 'users')
    await page.getByRole('button', { name: 'Test + Connect' }).click()
    await page.getByText('1 of 2 mailboxes can be connected').waitFor()
    await page.getByText(/Get-(Mailbox|Recipient)/).first().waitFor()
    await expectAccessible(page, 'mailbox-test')
    await page.getByRole('button', { name: 'Connect those that passed' }).click()
    await eventually('the new mailbox reaches the CRM', () => office.records('Events').some((one) => one['subject'] === 'Stocktaking'))
    await open(page, office.url, '/users?standing=healthy')
    await page.getByRole('button', { name: 'user1' }).first().waitFor()
  })

  it('pauses a mailbox, resumes it and asks for a sync', async () => {
    const { page } = admin
    await open(page, office.url, '/users')
    const names = async () => (await page.locator('tbody tr td:nth-child(2)').allInnerTexts()).map((text) => text.split('\n')[0] ?? '')
    await page.getByRole('button', { name: 'User', exact: true }).click()
    await expect.poll(names).toEqual((await names()).toSorted((left, right) => (left.toLowerCase() < right.toLowerCase() ? -1 : 1)))
    await page.getByRole('button', { name: 'User', exact: true }).click()
    await page.getByRole('columnheader', { name: 'User', exact: true }).and(page.locator('[aria-sort=descending]')).waitFor()
    await expect.poll(async () => (await names()).at(-1)).toBe('Administrator')
    await page.getByRole('button', { name: 'user1' }).first().click()
    const details = page.getByRole('dialog')
    await details.getByRole('button', { name: 'Pause' }).click()
    await details.getByText('Paused').waitFor()
    await expectAccessible(page, 'user-details')
    await details.getByRole('button', { name: 'Resume' }).click()
    await details.getByText('Healthy').waitFor()
    await details.getByRole('button', { name: 'Sync now' }).click()
  })

  it('resets a mailbox with two plain questions, and nothing is doubled', async () => {
    const { page } = admin
    await open(page, office.url, '/users')
    await page.getByRole('button', { name: 'user1' }).first().click()
    await page.getByRole('button', { name: 'Actions for user1' }).click()
    await page.getByRole('menuitem', { name: 'Reset' }).click()
    const dialog = page.getByRole('dialog', { name: /Reset user1/ })
    await dialog.getByLabel(/Forget the pairs/).check()
    await dialog.getByRole('button', { name: 'Reset' }).click()
    const before = office.records('Events').length
    await eventually('the mailbox is in step again', async () => (await office.running.panel.users.list({ search: 'user1', sort: 'name', descending: false, offset: 0, limit: 1 })).rows[0]?.standing === 'healthy')
    await eventually('the pair is found again', async () => (await office.running.panel.users.list({ search: 'user1', sort: 'name', descending: false, offset: 0, limit: 1 })).rows[0]?.linked === 1)
    expect(office.records('Events')).toHaveLength(before)
    expect(office.ews.items('user1@example.test', 'calendar')).toHaveLength(1)
  })

  it('runs a job now, pauses it and gives it another schedule', async () => {
    const { page } = admin
    await open(page, office.url, '/jobs')
    await page.getByRole('button', { name: 'Run now: Read the certificates of the servers' }).click()
    await page.getByText('no server is spoken to over TLS').waitFor()
    await page.getByRole('button', { name: 'Pause: Delete old journal entries' }).click()
    await page.getByRole('button', { name: 'Resume: Delete old journal entries' }).waitFor()
    await page.getByRole('button', { name: 'Change schedule: Delete ended sessions and old measurements' }).click()
    await page.getByLabel('New schedule').fill('every now and then')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('dialog').getByText('"every now and then" is no schedule.').waitFor()
    await page.getByLabel('New schedule').fill('every 30m')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('every 30 minutes').waitFor()
    await expectAccessible(page, 'jobs')
  })

  it('changes the policy and the members of a group, and sees what holds for each user', async () => {
    const { page } = admin
    await open(page, office.url, '/policies')
    await page.getByLabel('Days back').fill('14')
    await page.getByRole('button', { name: 'Save' }).click()
    await eventually('the policy holds', () => office.running.panel.policies.company().sync.pastDays === 14)
    await expectAccessible(page, 'policies')
    await page.getByRole('tab', { name: 'For each user' }).click()
    await page.getByText('−14 / +365').first().waitFor()
    const carol = page.getByRole('row', { name: /Carol Verdi/ })
    await carol.getByText('Share my availability only').waitFor()
    await carol.getByText('set by the administrator').waitFor()
    await open(page, office.url, '/groups')
    await page.getByRole('combobox', { name: 'Members' }).fill('user2')
    await page.getByRole('option', { name: /user2/ }).click()
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Without a connected mailbox: user2').waitFor()
    await expectAccessible(page, 'groups')
  })

  it('changes what becomes of meetings, and is told before the first mail can be sent', async () => {
    const { page } = admin
    const rules = () => office.running.panel.station.sections().config?.policy
    await open(page, office.url, '/policies')
    const choose = async (label: string, option: string) => {
      await page.getByRole('combobox', { name: label }).click()
      await page.getByRole('option', { name: option }).click()
    }
    await choose('A task of a group is complete', 'when every member has completed it')
    await choose('Somebody else’s meeting deleted in the CRM', 'stays away; the meeting is untouched')
    await choose('Past events that Exchange deletes or archives', 'are deleted in the CRM, too')
    await page.getByRole('button', { name: 'Save' }).click()
    await eventually('silent rules are saved without a question', () => rules()?.pastEvents === 'delete')
    await choose('An event made in the CRM with invitees', 'a real meeting: Exchange mails invitations')
    await choose('An answer given in the CRM', 'is mailed to the organizer')
    for (const name of [/^Mail attendees when/, /^Call a meeting off/, /^Make attendees who are CRM contacts/]) await page.getByRole('switch', { name }).check({ force: true })
    await page.getByRole('button', { name: 'Save' }).click()
    const dialog = page.getByRole('dialog', { name: 'Mails will be sent' })
    await expectAccessible(page, 'policies-mails')
    expect(await dialog.getByRole('listitem').count()).toBe(5)
    await dialog.getByRole('button', { name: 'Cancel' }).click()
    expect(rules()?.meetings).toBe('copies')
    await page.getByRole('button', { name: 'Save' }).click()
    await dialog.getByRole('button', { name: 'Save and send mails' }).click()
    await eventually('the rules hold', () => rules()?.inviteContacts === true)
    expect(rules()).toMatchObject({ groupCompletion: 'all', meetings: 'exchange', answers: 'mail', foreignDeletion: 'hide', sendMeetingUpdates: true, cancelMeetings: true })
  })

  it('sees the free and taken times of the team, without words', async () => {
    const { page } = admin
    await open(page, office.url, '/availability')
    await page.getByRole('list', { name: /Alice Rossi: 1 entry/ }).waitFor()
    expect(await page.getByRole('main').innerText()).not.toContain('Sales review')
    await expectAccessible(page, 'availability')
  })

  it('adds a connection whose servers Autodiscover finds, and is told what to mend on the way', async () => {
    const { page } = admin
    await open(page, office.url, '/connect')
    await page.getByRole('button', { name: 'Add a connection' }).click()
    const field = (name: string) => page.getByRole('textbox', { name, exact: true })
    await field('Name of this connection').fill('branch')
    await field('Service account').fill(office.ews.service.username)
    await page.getByRole('textbox', { name: 'Password' }).fill('wrong')
    await field('A mailbox to test with').fill('carol@example.test')
    await page.getByRole('button', { name: 'More settings' }).click()
    await page.getByLabel('Address of Autodiscover').fill(office.ews.autodiscoverUrl)
    const allow = page.getByLabel(/Allow http to this server/)
    await allow.check()
    await page.getByRole('button', { name: 'Test', exact: true }).click()
    await page.getByText(/Correct user name and password; /).waitFor()
    await expectAccessible(page, 'connect-autodiscover-refused')
    await page.getByRole('textbox', { name: 'Password' }).fill(office.ews.service.password)
    await page.getByRole('button', { name: 'Test', exact: true }).click()
    await page.getByText('may act for carol@example.test').waitFor()
    await expectAccessible(page, 'connect-autodiscover')
    await page.getByRole('button', { name: 'Next' }).click()
    await page.getByLabel(/user3/).check()
    await page.getByRole('button', { name: 'Next' }).click()
    await page.getByRole('button', { name: 'Work out the preview' }).click()
    await page.getByText('Mails to be sent').waitFor()
    await page.getByRole('button', { name: 'Connect and start' }).click()
    // While the connector begins anew it says so.
    const standing = () => office.running.panel.users.list({ search: 'user3', sort: 'name', descending: false, offset: 0, limit: 1 }).then(({ rows: [row] }) => row?.standing, () => null)
    await eventually('the mailbox is in step', async () => (await standing()) === 'healthy')
  })

  it('corrects a connection under Connections: what is not typed anew stays, and no stored password goes to another server', async () => {
    const { page } = admin
    const stored = () => office.running.panel.station.need().connector.config.exchange.find(({ name }) => name === 'onprem')
    const before = stored()
    await open(page, office.url, '/connect')
    await page.getByRole('button', { name: 'Change: onprem' }).click()
    const password = page.getByRole('textbox', { name: 'Password', exact: true })
    await page.getByText('More settings').waitFor()
    await password.fill('mistyped')
    await page.getByRole('button', { name: 'Test' }).click()
    await page.getByText(/^Exchange refused the sign-in of svc@example\.test/).waitFor()
    await expectAccessible(page, 'change-connection')
    await page.getByLabel('Address of EWS').fill('http://127.0.0.1:9/EWS/Exchange.asmx')
    await password.fill('')
    await page.getByRole('button', { name: 'Test' }).click()
    await page.getByText('enter its password or secret, too', { exact: false }).waitFor()
    await page.getByLabel('Address of EWS').fill(office.ews.url)
    await page.getByRole('button', { name: 'Test' }).click()
    await page.getByText('may act for').first().waitFor()
    expect(stored()).toEqual(before)
    await page.getByRole('button', { name: 'Save', exact: true }).last().click()
    await page.getByRole('button', { name: 'Change: onprem' }).waitFor()
    expect(stored()).toEqual(before)
    expect(office.running.panel.station.need().connector.config.exchange[0]?.name).toBe('onprem')
    // A new one must not take the place of one that people use.
    const answer = await page.evaluate(`fetch('/api/session').then((one) => one.json()).then(({ csrf }) => fetch('/api/connect/exchange', { method: 'POST', headers: { 'content-type': 'application/json', 'x-csrf-token': csrf }, body: JSON.stringify({ connection: { name: 'onprem', kind: 'ews' }, mailbox: 'alice@example.test' }) })).then((one) => one.json())`)
    expect(answer).toMatchObject({ error: { code: 'NAME_TAKEN' } })
    expect(await (await fetch(`${office.url}/api/connect/exchange`)).text()).not.toContain('svc-password')
    expect(await page.evaluate('fetch("/api/connect/exchange").then((one) => one.text())')).not.toContain('svc-password')
  })

  it('signs in to the CRM anew, after the password of its user has changed', async () => {
    const { page } = admin
    await open(page, office.url, '/connect')
    await page.getByRole('button', { name: 'Change the sign-in' }).click()
    const password = page.getByRole('textbox', { name: 'Password', exact: true })
    await password.fill('wrong')
    await page.getByRole('button', { name: 'Test' }).click()
    await page.getByText('The CRM does not accept this user name with this password.').waitFor()
    await password.fill('admin-password')
    await page.getByRole('button', { name: 'Test' }).click()
    await page.getByText('The API user is logged in.').waitFor()
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByRole('button', { name: 'Change the sign-in' }).waitFor()
    await eventually('the service works', async () => (await fetch(`${office.url}/readyz`)).ok)
  })

  it('connects a mailbox that is not the suggested one, through the connection he names', async () => {
    const { page } = admin
    office.ews.addMailbox({ address: 'info@example.test' })
    await office.running.panel.station.change((sections) => ({
      ...sections, exchange: [...(sections.exchange as object[]), office.connection('second')], users: (sections.users as object[]).map((user) => ({ exchange: 'onprem', ...user })),
    }))
    await eventually('it goes on', () => office.running.panel.station.running() !== null)
    await open(page, office.url, '/users')
    await page.locator('#main').getByRole('button', { name: 'Administrator' }).first().click()
    const details = page.getByRole('dialog', { name: 'Details' })
    await details.getByLabel('Mailbox').fill('info@example.test')
    await details.getByRole('combobox', { name: 'Connection' }).click()
    await page.getByRole('option', { name: 'second' }).click()
    await expectAccessible(page, 'user-connect')
    await details.getByRole('button', { name: 'Test + Connect' }).click()
    await page.getByRole('button', { name: 'Connect those that passed' }).click()
    await eventually('it is connected there', () => office.running.panel.station.need().connector.config.users.some(({ crm, mailbox, exchange }) => crm === 'admin' && mailbox === 'info@example.test' && exchange === 'second'))
  })

  it('looks at the panel as a user sees it, and can change nothing there', async () => {
    const { page } = admin
    await open(page, office.url, '/users')
    await page.getByRole('button', { name: 'Alice Rossi' }).first().click()
    await page.getByRole('button', { name: 'See as this user' }).click()
    await page.getByText('You see what Alice Rossi sees.').waitFor()
    await page.getByText('Trade fair').waitFor()
    await page.getByText('It lies outside the time window.').waitFor()
    await expectAccessible(page, 'see-as')
    expect(await page.getByRole('link', { name: 'Users' }).count()).toBe(0)
    await page.getByRole('button', { name: 'Back to my own view' }).click()
    await page.getByRole('link', { name: 'Users', exact: true }).waitFor()
  })

  it('makes an API token, reads with it, and withdraws it', async () => {
    const { page } = admin
    await open(page, office.url, '/settings')
    await page.getByLabel('What is it for?').fill('Monitoring')
    await page.getByRole('button', { name: 'Make token' }).click()
    const secret = await page.locator('code').innerText()
    await expectAccessible(page, 'settings')
    const ask = (path: string, init: RequestInit = {}) => fetch(`${office.url}${path}`, { ...init, headers: { authorization: `Bearer ${secret}`, ...init.headers } })
    expect((await ask('/api/health')).status).toBe(200)
    expect((await ask('/api/jobs/sweep/run', { method: 'POST' })).status).toBe(403)
    await page.getByRole('button', { name: 'Withdraw' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Withdraw' }).click()
    await page.getByText('No tokens yet').waitFor()
    expect((await ask('/api/health')).status).toBe(401)
  })

  it('works on a phone: every page fits and can be read by everybody', async () => {
    const phone = await visit(browser, { viewport: PHONE, colorScheme: 'dark' })
    await signIn(phone.page, office.url, 'admin')
    for (const path of ['health', 'attention', 'activity', 'users', 'groups', 'policies', 'jobs', 'availability', 'connect', 'settings']) {
      await open(phone.page, office.url, `/${path}`)
      await expectAccessible(phone.page, `phone-${path}`)
    }
    await phone.page.getByRole('button', { name: 'Menu' }).click()
    await phone.page.getByRole('link', { name: 'Health' }).click()
    await phone.page.getByRole('heading', { name: 'Health', level: 1 }).waitFor()
    expect(phone.complaints).toEqual([])
    await phone.close()
  })

  it('and no page has complained of anything', () => {
    expect(admin.complaints).toEqual([])
  })
})
