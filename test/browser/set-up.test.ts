import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectAccessible, launchBrowser, signIn, visit } from './support/browser.ts'
import { at, eventually, openOffice } from './support/office.ts'
import type { Office } from './support/office.ts'

let browser: Browser
let office: Office

beforeAll(async () => {
  office = await openOffice(null, ({ ews }) => {
    for (let n = 1; n <= 3; n++) ews.putItem('alice@example.test', 'calendar', { Subject: `Visit ${n}`, Start: at(n, '09:00'), End: at(n, '10:00') })
  })
  browser = await launchBrowser()
})

afterAll(async () => {
  await browser?.close()
  await office?.close()
})

describe('the first start', () => {
  it('lets nobody in without the token that the service prints', async () => {
    const { page, close } = await visit(browser)
    await page.goto(`${office.url}/setup#guessed`)
    await page.getByLabel('Address of webservice.php').fill(office.vtenext.url)
    await page.getByRole('textbox', { name: 'Password' }).fill('admin-password')
    await page.getByRole('button', { name: 'Test' }).click()
    await page.getByText('This set-up address is not valid (any more).').waitFor()
    const answer = await fetch(`${office.url}/api/connect/crm`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ url: office.vtenext.url, username: 'admin', password: 'admin-password' }) })
    expect(answer.status).toBe(401)
    await close()
  })

  it('leads step by step to a running connector: each step is tried out, the preview writes nothing', async () => {
    const { page, complaints, close } = await visit(browser)
    await page.goto(`${office.url}/setup#${office.running.setupToken()}`)
    await page.getByLabel('Address of webservice.php').fill(office.vtenext.url)
    const password = page.getByRole('textbox', { name: 'Password' })
    await password.fill('wrong')
    await page.getByRole('button', { name: 'Test' }).click()
    await page.getByText('The CRM does not accept this user name with this password.').waitFor()
    await expectAccessible(page, 'set-up-crm')
    await password.fill('admin-password')
    await page.getByRole('button', { name: 'Test' }).click()
    await page.getByText('The API user is logged in.').waitFor()
    await page.getByRole('button', { name: 'Next' }).click()
    await page.getByLabel('Address of EWS').fill(office.ews.url)
    await page.getByRole('textbox', { name: 'Service account' }).fill(office.ews.service.username)
    await page.getByRole('textbox', { name: 'Password' }).fill(office.ews.service.password)
    await page.getByLabel('A mailbox to test with').fill('alice@example.test')
    await page.getByRole('button', { name: 'Test' }).click()
    await page.getByText('may act for alice@example.test').waitFor()
    await expectAccessible(page, 'set-up-exchange')
    await page.getByRole('button', { name: 'Next' }).click()
    await page.getByLabel(/Alice Rossi/).check()
    await page.getByRole('button', { name: 'Next' }).click()
    await page.getByRole('button', { name: 'Work out the preview' }).click()
    const row = page.getByRole('row', { name: /Events new in CRM/ })
    await row.waitFor()
    expect(await row.innerText()).toContain('3')
    expect(await page.getByText('Mails to be sent').locator('xpath=..').innerText()).toContain('0')
    await expectAccessible(page, 'set-up-preview')
    expect(office.records('Events')).toHaveLength(0)
    expect(office.ews.writes.created).toBe(0)
    await page.getByRole('button', { name: 'Connect and start' }).click()
    await eventually('the first sync is done', () => office.records('Events').length === 3)
    await page.getByRole('button', { name: 'Go to sign-in' }).click()
    expect(complaints).toEqual([])
    await close()
  })

  it('is over then: the token no longer opens anything, and the administrator signs in', async () => {
    expect(office.running.setupToken()).toBeNull()
    const { page, close } = await visit(browser)
    await signIn(page, office.url, 'admin')
    await page.getByRole('link', { name: /Healthy/ }).waitFor()
    await close()
  })
})
