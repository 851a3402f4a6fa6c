import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectAccessible, launchBrowser, open, PHONE, signIn, visit } from './support/browser.ts'
import { at, eventually, openOffice } from './support/office.ts'
import type { Office } from './support/office.ts'

let browser: Browser
let office: Office

beforeAll(async () => {
  office = await openOffice({}, ({ ews }) => {
    ews.putItem('alice@example.test', 'calendar', { Subject: 'Dentist', Start: at(3, '17:00'), End: at(3, '18:00') })
    ews.putItem('alice@example.test', 'calendar', { Subject: 'Yoga', Start: at(4, '18:00'), End: at(4, '19:00'), Categories: ['Leisure'] })
    ews.putItem('user1@example.test', 'calendar', { Subject: 'Inventory', Start: at(2, '08:00'), End: at(2, '09:00') })
  })
  await office.running.panel.station.change((sections) => ({ ...sections, exchange: [...(sections.exchange as object[]), office.connection('branch', { impersonation: false, username: undefined, password: undefined })] }))
  browser = await launchBrowser()
  await eventually('the first sync is done', () => office.records('Events').length === 2)
})

afterAll(async () => {
  await browser?.close()
  await office?.close()
})

const wishesOf = async (name: string) => (await office.running.panel.store.panel.people.preferences(null)).get(office.running.panel.station.need().connector.directory().users.find((user) => user.name === name)?.id ?? ('' as never))

describe('a user', () => {
  it('reads in plain sentences how his mailbox stands, and sees nothing of the administration', async () => {
    const { page, complaints, close } = await visit(browser)
    await signIn(page, office.url, 'alice')
    await page.getByText('Everything is in step.').waitFor()
    await page.getByText(/Last change from Outlook to the CRM/).waitFor()
    await expectAccessible(page, 'my-sync')
    expect(await page.getByRole('link', { name: 'Jobs' }).count()).toBe(0)
    expect(await page.evaluate('fetch("/api/users").then((answer) => answer.status)')).toBe(403)
    expect(complaints).toEqual([])
    await close()
  })

  it('leaves a category out, and what carries it stays in Exchange from then on', async () => {
    const { page, close } = await visit(browser)
    await signIn(page, office.url, 'alice')
    await open(page, office.url, '/me')
    await page.getByRole('combobox', { name: 'Never with one of these' }).fill('Private life')
    await page.keyboard.press('Enter')
    await page.getByRole('switch', { name: 'Share my availability only' }).focus()
    await page.keyboard.press('Space')
    await page.getByRole('button', { name: 'Save' }).click()
    await eventually('the choice is stored', async () => (await wishesOf('alice'))?.categories?.except.includes('Private life') === true && (await wishesOf('alice'))?.availabilityOnly === true)
    await expectAccessible(page, 'preferences')
    office.ews.putItem('alice@example.test', 'calendar', { Subject: 'School play', Start: at(5, '15:00'), End: at(5, '16:00'), Categories: ['private life'] })
    office.ews.putItem('alice@example.test', 'calendar', { Subject: 'Negotiation', Start: at(6, '15:00'), End: at(6, '16:00') })
    await eventually('the other event is in the CRM, without its words, and what was there has lost them', () => office.records('Events').filter((one) => one['subject'] === 'Busy').length === 3)
    await open(page, office.url, '/my-sync')
    await page.getByText('Its categories are left out.').waitFor()
    expect(office.records('Events').map((one) => one['subject'])).toEqual(['Busy', 'Busy', 'Busy'])
    await open(page, office.url, '/me')
    await page.getByRole('combobox', { name: 'Never with one of these' }).focus()
    await page.keyboard.press('Backspace')
    await page.getByRole('button', { name: 'Save' }).click()
    await eventually('what was left out is taken up', () => office.records('Events').length === 4)
    await close()
  })

  it('disconnects: nothing is deleted, and nothing is synchronised any more', async () => {
    const { page, close } = await visit(browser)
    await signIn(page, office.url, 'bob')
    await open(page, office.url, '/me')
    await page.getByRole('button', { name: 'Disconnect' }).click()
    await page.getByRole('dialog').getByText(/Nothing is deleted/).waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Disconnect' }).click()
    await page.getByText('Your mailbox is not connected yet').waitFor()
    await expectAccessible(page, 'not-connected')
    expect(office.running.panel.station.need().connector.config.users.map(({ crm }) => crm)).toEqual(['alice'])
    await close()
  })

  it('connects his mailbox with his own password, and sees it before anything is written', async () => {
    const { page, close } = await visit(browser, { viewport: PHONE })
    await signIn(page, office.url, 'user1')
    await open(page, office.url, '/me')
    await page.getByRole('combobox', { name: 'Connection' }).click()
    await page.getByRole('option', { name: 'branch' }).click()
    await page.getByLabel('User name for Exchange').fill('user1@example.test')
    await page.getByLabel('Password for Exchange').fill('wrong')
    await page.getByRole('button', { name: 'Look at the mailbox' }).click()
    await page.getByText(/Correct user name and password/).waitFor()
    await page.getByLabel('Password for Exchange').fill('user1-password')
    await page.getByRole('button', { name: 'Look at the mailbox' }).click()
    await page.getByText('This is the mailbox. Nothing has been written yet.').waitFor()
    await expectAccessible(page, 'phone-connect-own')
    expect(office.records('Events').some((one) => one['subject'] === 'Inventory')).toBe(false)
    await page.getByRole('button', { name: 'Connect my mailbox' }).click()
    await eventually('his event is in the CRM', () => office.records('Events').some((one) => one['subject'] === 'Inventory'))
    const stored = await office.running.panel.store.secrets.get('panel configuration')
    expect(stored).toContain('user1-password')
    await close()
  })

  it('cannot take somebody else’s mailbox through the company’s account', async () => {
    const { page, close } = await visit(browser)
    await signIn(page, office.url, 'user2')
    const asked = await page.evaluate(`fetch('/api/session').then((one) => one.json()).then(({ csrf }) => fetch('/api/me/mailbox', { method: 'PUT', headers: { 'content-type': 'application/json', 'x-csrf-token': csrf }, body: JSON.stringify({ connection: 'onprem', mailbox: 'carol@example.test' }) })).then((one) => one.json())`)
    expect(asked).toMatchObject({ error: { code: 'NOT_YOUR_ADDRESS' } })
    await close()
  })

  it('speaks Italian, and remembers it', async () => {
    const { page, complaints, close } = await visit(browser)
    await signIn(page, office.url, 'alice')
    await page.getByRole('button', { name: 'Language' }).click()
    await page.getByRole('menuitem', { name: 'Italiano' }).click()
    await page.getByRole('heading', { name: 'La mia sincronizzazione', level: 1 }).waitFor()
    await open(page, office.url, '/me')
    await page.getByText('Che cosa si sincronizza').waitFor()
    expect(await page.locator('html').getAttribute('lang')).toBe('it')
    await expectAccessible(page, 'italian')
    expect(complaints).toEqual([])
    await close()
  })

  it('is told in Italian, too, what the service says: why he may not come in, and what his mailbox lacks', async () => {
    const { page, close } = await visit(browser, { locale: 'it-IT' })
    await page.goto(office.url)
    await page.getByLabel('Nome utente').fill('user3')
    await page.getByRole('textbox', { name: 'Password' }).fill('wrong')
    await page.getByRole('button', { name: 'Accedi' }).click()
    await page.getByText('Il CRM non conosce questo nome utente con questa password.').waitFor()
    await signIn(page, office.url, 'user3')
    await open(page, office.url, '/me')
    await page.getByRole('combobox', { name: 'Collegamento' }).click()
    await page.getByRole('option', { name: 'branch' }).click()
    await page.getByLabel('Nome utente di Exchange').fill('user3@example.test')
    await page.getByLabel('Password di Exchange').fill('wrong')
    await page.getByRole('button', { name: 'Guarda la casella' }).click()
    await page.getByText(/^Exchange ha rifiutato l’accesso di user3@example\.test .* e che l’autenticazione Basic sia attiva/).waitFor()
    await page.getByText(/^Correggi nome utente e password; Get-ADUser "user3"/).waitFor()
    await expectAccessible(page, 'italian-check')
    await close()
  })

  it('is told while the service does not answer, and sees the present again afterwards without loading the page', async () => {
    const { page, close } = await visit(browser)
    let tries = 0
    await page.route('**/api/live', (route) => { tries += 1; return tries <= 2 ? route.fulfill({ status: 502, body: 'Bad Gateway' }) : route.fallback() })
    await signIn(page, office.url, 'alice')
    await page.getByText('What you see may be out of date', { exact: false }).waitFor()
    await expectAccessible(page, 'away')
    await page.getByText('What you see may be out of date', { exact: false }).waitFor({ state: 'detached' })
    await close()
  })

  it('comes to the sign-in when his session has ended, and back to where he was', async () => {
    const { page, close } = await visit(browser)
    await signIn(page, office.url, 'alice')
    await open(page, office.url, '/me')
    await page.context().clearCookies()
    // Where news has come in between, the page has noticed by itself.
    await page.evaluate('[...document.querySelectorAll("button")].find((one) => one.textContent === "Sync now")?.click()')
    await page.locator('input[name=username]').fill('alice')
    await page.locator('input[name=password]').fill('alice-password')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'My mailbox', level: 1 }).waitFor()
    await close()
  })

  it('gets everywhere with the keyboard alone', async () => {
    const { page, close } = await visit(browser)
    await page.goto(office.url)
    await page.locator('input[name=username]').waitFor()
    await page.keyboard.type('alice')
    await page.keyboard.press('Tab')
    await page.keyboard.type('alice-password')
    await page.keyboard.press('Enter')
    await page.getByText('Everything is in step.').waitFor()
    for (let presses = 0; presses < 40 && (await page.evaluate('document.activeElement?.textContent')) !== 'My mailbox'; presses++) await page.keyboard.press('Tab')
    expect(await page.evaluate('document.activeElement?.textContent')).toBe('My mailbox')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'My mailbox', level: 1 }).waitFor()
    await close()
  })
})
