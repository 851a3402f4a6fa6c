import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectAccessible, launchBrowser, open, signIn, visit } from './support/browser.ts'
import { at, eventually, openOffice } from './support/office.ts'
import type { Office } from './support/office.ts'

let browser: Browser
let office: Office

beforeAll(async () => {
  office = await openOffice({}, ({ graph }) => {
    for (const [who, subject] of [['user1', 'Cloud visit'], ['carol', 'Cloud fair']] as const) {
      graph.putItem(`${who}@example.test`, 'calendar', { subject, start: at(2, '09:00'), end: at(2, '10:00') })
    }
  })
  browser = await launchBrowser()
})
afterAll(async () => {
  await browser?.close()
  await office?.close()
})

const field = (page: Page, name: string) => page.getByRole('textbox', { name, exact: true })

/** The wizard up to its test; `wrong` leaves something to mend. */
async function describeCloud(page: Page, name: string, access: string): Promise<void> {
  await open(page, office.url, '/connect')
  await page.getByRole('button', { name: 'Add a connection' }).click()
  await page.getByText('Microsoft 365', { exact: true }).click()
  await field(page, 'Name of this connection').fill(name)
  await field(page, 'Tenant').fill('another.example')
  await field(page, 'Application (client) id').fill(office.cloud.clientId)
  await field(page, 'Client secret').fill(office.cloud.clientSecret)
  await page.getByLabel('The secret ends on').fill('2031-05-06')
  await page.getByRole('combobox', { name: 'Access' }).click()
  await page.getByRole('option', { name: access }).click()
  await field(page, 'A mailbox to test with').fill('carol@example.test')
  await page.getByRole('button', { name: 'More settings' }).click()
  await field(page, 'Address of the sign-in service').fill(office.cloud.login)
  await field(page, 'Address of Microsoft Graph').fill(office.cloud.url)
  await page.getByRole('button', { name: 'Test' }).click()
  await page.getByText('Take the directory id from "Overview" of Microsoft Entra', { exact: false }).waitFor()
  await expectAccessible(page, `cloud-${name}-refused`)
  await field(page, 'Tenant').fill(office.cloud.tenant)
  await page.getByRole('button', { name: 'Test' }).click()
}

describe('connecting Microsoft 365', () => {
  it('with an application: each step is tried out, the preview counts and writes nothing, then it begins', async () => {
    const { page, complaints, close } = await visit(browser)
    await signIn(page, office.url, 'admin')
    await describeCloud(page, 'tenant', 'The application, for all mailboxes')
    await page.getByText('The application may sign in.').waitFor()
    await page.getByText('The client secret is good until 2031-05-06.').waitFor()
    await expectAccessible(page, 'cloud-application')
    await page.getByRole('button', { name: 'Next' }).click()
    await page.getByLabel(/Carol Verdi/).check()
    await page.getByRole('button', { name: 'Next' }).click()
    await page.getByRole('button', { name: 'Work out the preview' }).click()
    const row = page.getByRole('row', { name: /Events new in CRM/ })
    await row.waitFor()
    expect(await row.innerText()).toContain('1')
    expect(await page.getByText('Mails to be sent').locator('xpath=..').innerText()).toContain('0')
    expect(office.records('Events')).toEqual([])
    await page.getByRole('button', { name: 'Connect and start' }).click()
    await eventually('the first sync is done', () => office.records('Events').some((one) => one['subject'] === 'Cloud fair'))
    await open(page, office.url, '/health')
    await page.getByText('Client secret of tenant').waitFor()
    expect(complaints).toEqual([])
    await close()
  })

  it('where each user signs in himself: the connection is there before anybody has', async () => {
    const { page, close } = await visit(browser)
    await signIn(page, office.url, 'admin')
    await describeCloud(page, 'cloud', 'Each user signs in at Microsoft')
    await page.getByText('The sign-in service answers and knows the tenant.', { exact: false }).waitFor()
    await page.getByRole('button', { name: 'Next' }).click()
    await page.getByText('With this connection each user connects his mailbox himself', { exact: false }).first().waitFor()
    await page.getByRole('button', { name: 'Next' }).click()
    await page.getByRole('button', { name: 'Connect and start' }).click()
    await eventually('the connection is stored', () => office.running.panel.station.sections().config?.exchange.some(({ name }) => name === 'cloud') ?? false)
    await close()
  })
})

async function askToSignIn(page: Page): Promise<Page> {
  await open(page, office.url, '/me')
  await page.getByRole('combobox', { name: 'Connection' }).click()
  await page.getByRole('option', { name: 'cloud' }).click()
  const opened = page.waitForEvent('popup')
  await page.getByRole('button', { name: 'Sign in at Microsoft' }).click()
  const popUp = await opened
  await popUp.locator('input[name=login]').waitFor()
  return popUp
}

async function enter(popUp: Page, who: string): Promise<void> {
  await popUp.locator('input[name=login]').fill(`${who}@example.test`)
  await popUp.locator('input[name=passwd]').fill(`${who}-password`)
  await popUp.getByRole('button', { name: 'Sign in' }).click()
}

describe('a user who signs in at Microsoft', () => {
  it('is told in words when he declines or signs in as somebody else, and can try again', async () => {
    const { page, close } = await visit(browser)
    await signIn(page, office.url, 'user1')
    const declined = await askToSignIn(page)
    await declined.getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('alert').getByText(/declined|refused|denied/i).waitFor()
    await expectAccessible(page, 'cloud-declined')
    await enter(await askToSignIn(page), 'alice')
    await page.getByRole('alert').getByText('alice@example.test signed in, but the mailbox to connect is user1@example.test.', { exact: false }).waitFor()
    await close()
  })

  it('sees his mailbox before anything is written, connects it, and disconnects', async () => {
    const { page, complaints, close } = await visit(browser)
    await signIn(page, office.url, 'user1')
    const popUp = await askToSignIn(page)
    const asked = new URL(popUp.url()).searchParams
    expect(asked.get('code_challenge_method')).toBe('S256')
    expect(asked.get('redirect_uri')).toBe(`${office.url}/oauth/microsoft`)
    const closed = popUp.waitForEvent('close')
    await enter(popUp, 'user1')
    await closed
    await page.getByText('This is the mailbox. Nothing has been written yet.').waitFor()
    await page.getByText('user1@example.test is signed in.').waitFor()
    await expectAccessible(page, 'cloud-found')
    expect(office.records('Events').map((one) => one['subject'])).toEqual(['Cloud fair'])
    await page.getByRole('button', { name: 'Connect my mailbox' }).click()
    await eventually('his event is in the CRM', () => office.records('Events').some((one) => one['subject'] === 'Cloud visit'))
    await page.getByRole('button', { name: 'Disconnect' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Disconnect' }).click()
    await page.getByText('Your mailbox is not connected yet').waitFor()
    expect(office.records('Events')).toHaveLength(2)
    expect(complaints).toEqual([])
    await close()
  })

  it('is refused when nobody here has begun it, on a page that says so', async () => {
    const answer = await fetch(`${office.url}/oauth/microsoft?code=a-code&state=forged%22%3E%3Cscript%3E`)
    expect(answer.status).toBe(400)
    const text = await answer.text()
    expect(text).toContain('This sign-in was not begun here')
    expect(text).not.toContain('forged')
  })
})
