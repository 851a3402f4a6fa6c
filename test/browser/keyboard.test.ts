import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectAccessible, launchBrowser, open, signIn, visit } from './support/browser.ts'
import type { Visit } from './support/browser.ts'
import { at, eventually, openOffice } from './support/office.ts'
import type { Office } from './support/office.ts'

let browser: Browser
let office: Office
let admin: Visit

beforeAll(async () => {
  office = await openOffice({ policy: { conflict: 'ask' } }, ({ ews }) => {
    ews.putItem('alice@example.test', 'calendar', { Subject: 'Sales review', Start: at(1, '09:30'), End: at(1, '10:30'), Location: 'Room 2' })
  })
  browser = await launchBrowser()
  await eventually('the pair is known', async () => (await office.running.panel.health.health()).linked === 1)
  admin = await visit(browser)
  await signIn(admin.page, office.url, 'admin')
})
afterAll(async () => {
  await browser?.close()
  await office?.close()
})

/** How a screen reader names what has the focus. */
const focused = (page: Page) => page.evaluate('(document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent ?? "").trim()') as Promise<string>

/** Tabs on until that has the focus; nothing but the keyboard is used. */
async function tabTo(page: Page, name: string | RegExp, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
  const passed: string[] = []
  for (let presses = 0; presses < 80; presses++) {
    await page.keyboard.press(key)
    const now = await focused(page)
    if (typeof name === 'string' ? now === name : name.test(now)) return
    passed.push(now)
  }
  throw new Error(`${String(name)} is not reached: ${passed.join(' | ')}`)
}

/** What can be pressed and is seen, but says nothing to a screen reader. */
const NAMELESS = `[...document.querySelectorAll('button, a, [role=button], [role=tab], [role=switch], [role=combobox], input')]
  .filter((one) => one.checkVisibility() && one.type !== 'hidden' && one.closest('[aria-hidden=true]') === null)
  .filter((one) => (one.getAttribute('aria-label') ?? '').trim() === '' && one.innerText.trim() === '' && !(one.labels?.length > 0) && one.getAttribute('aria-labelledby') === null)
  .map((one) => one.outerHTML.slice(0, 200))`

describe('with the keyboard alone', () => {
  it('a dialog takes the focus, keeps it, and gives it back to what opened it', async () => {
    const { page } = admin
    await open(page, office.url, '/users')
    await page.getByRole('button', { name: 'Alice Rossi' }).first().waitFor()
    await tabTo(page, 'Alice Rossi')
    await page.keyboard.press('Enter')
    const details = page.getByRole('dialog', { name: 'Details' })
    await details.getByRole('button', { name: 'Pause' }).waitFor()
    await tabTo(page, 'Pause')
    for (let presses = 0; presses < 25; presses++) {
      await page.keyboard.press('Tab')
      expect(await page.evaluate('document.activeElement?.closest("[role=dialog]") !== null'), await focused(page)).toBe(true)
    }
    await page.keyboard.press('Escape')
    await details.waitFor({ state: 'detached' })
    await eventually('the focus is where it was', async () => (await focused(page)) === 'Alice Rossi')
  })

  it('a question asks with its safe answer at hand, and Escape leaves everything as it was', async () => {
    const { page } = admin
    await open(page, office.url, '/users')
    await page.getByRole('button', { name: 'Alice Rossi' }).first().waitFor()
    await tabTo(page, 'Select Alice Rossi')
    await page.keyboard.press('Space')
    await tabTo(page, 'Disconnect')
    await page.keyboard.press('Enter')
    await page.getByRole('dialog', { name: 'Disconnect?' }).waitFor()
    await eventually('the safe answer has the focus', async () => (await focused(page)) === 'Cancel')
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await eventually('the focus is where it was', async () => (await focused(page)) === 'Disconnect')
    expect(office.running.panel.station.need().connector.config.users).toHaveLength(2)
  })

  it('other addresses and availability only are set, and how often the CRM is asked', async () => {
    const { page } = admin
    await open(page, office.url, '/users')
    await page.getByRole('button', { name: 'Bob Bianchi' }).first().waitFor()
    await tabTo(page, 'Bob Bianchi')
    await page.keyboard.press('Enter')
    await page.getByRole('combobox', { name: 'Other addresses' }).focus()
    await page.keyboard.type('b.bianchi@example.test')
    await page.keyboard.press('Enter')
    await page.getByRole('switch', { name: 'Only free and taken times reach the CRM' }).focus()
    await page.keyboard.press('Space')
    await expectAccessible(page, 'user-settings')
    await tabTo(page, 'Save')
    await page.keyboard.press('Enter')
    await eventually('it is stored', () => office.running.panel.station.sections().config?.users.some((one) => one.crm === 'bob' && one.availabilityOnly && one.aliases.join() === 'b.bianchi@example.test') ?? false)
    await open(page, office.url, '/connect')
    await page.getByRole('textbox', { name: 'Ask the CRM every so many seconds' }).fill('2')
    await page.getByRole('textbox', { name: 'Field for the Exchange id' }).fill('Outlook id')
    await expectAccessible(page, 'connections')
    await page.keyboard.press('Enter')
    await eventually('it is stored', () => office.running.panel.station.sections().config?.crm.pollSeconds === 2 && office.running.panel.station.sections().config?.crm.referenceField === 'Outlook id')
    await eventually('the service goes on', () => office.running.panel.station.running() !== null)
  })

  it('a conflict is reached and decided', async () => {
    const { page } = admin
    const record = office.records('Events').find((one) => one['subject'] === 'Sales review')
    office.vtenext.edit(record?.['id'] ?? '', { location: 'Customer' })
    office.ews.editItem('alice@example.test', office.item('alice', 'Sales review')?.id ?? '', { Location: 'Room 5' })
    await open(page, office.url, '/attention')
    await page.getByRole('heading', { name: 'Sales review' }).waitFor()
    await tabTo(page, /^Keep Exchange/)
    await tabTo(page, /^Keep the CRM/)
    await page.keyboard.press('Enter')
    await eventually('Exchange has the value of the CRM', () => office.item('alice', 'Sales review')?.fields['Location'] === 'Customer')
  })

  it('every button and link of every page has a name', async () => {
    const { page } = admin
    for (const path of ['health', 'attention', 'activity', 'users', 'groups', 'policies', 'jobs', 'availability', 'connect', 'settings', 'me', 'my-sync']) {
      await open(page, office.url, `/${path}`)
      expect(await page.evaluate(NAMELESS), path).toEqual([])
    }
  })
})
