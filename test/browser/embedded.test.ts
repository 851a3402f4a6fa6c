import { createServer, request as ask } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Browser, Frame } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeCertificate } from '../../sim/ews/certificate.ts'
import { expectAccessible, launchBrowser, visit } from './support/browser.ts'
import { openOffice } from './support/office.ts'
import type { Office } from './support/office.ts'

let browser: Browser
let office: Office
/** TLS before the panel, as a company's proxy adds it; the CRM's page, and a page that may not show the panel. */
let proxy: Server
let crm: Server
let stranger: Server
const certificate = makeCertificate()

const listen = async (server: Server): Promise<string> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return String((server.address() as AddressInfo).port)
}
const pageWith = (address: () => string) => createTlsServer(certificate, (_, response) => {
  response.writeHead(200, { 'content-type': 'text/html' }).end(`<!doctype html><html lang="en"><title>CRM</title><main><h1>CRM</h1><iframe name="panel" title="Exchange" src="${address()}/" style="width:1000px;height:700px"></iframe></main>`)
})
const freePort = () => new Promise<number>((resolve) => {
  const probe = createServer().listen(0, '127.0.0.1', () => {
    const { port } = probe.address() as AddressInfo
    probe.close(() => resolve(port))
  })
})

// Names of loopback that are other sites to a browser: the panel is a third party on the CRM's page.
let panelUrl = ''
let crmUrl = ''
let strangerUrl = ''

beforeAll(async () => {
  const port = await freePort()
  proxy = createTlsServer(certificate, (request, response) => {
    request.pipe(ask({ host: '127.0.0.1', port, path: request.url, method: request.method, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    }).on('error', () => response.destroy()))
  })
  panelUrl = `https://panel.test:${await listen(proxy)}`
  crm = pageWith(() => panelUrl)
  crmUrl = `https://crm.test:${await listen(crm)}`
  stranger = pageWith(() => panelUrl)
  strangerUrl = `https://stranger.test:${await listen(stranger)}`
  office = await openOffice({ http: { port: 0, publicUrl: panelUrl, frameAncestors: [crmUrl] } }, undefined, port)
  browser = await launchBrowser('--host-resolver-rules=MAP *.test 127.0.0.1')
})
afterAll(async () => {
  await browser?.close()
  for (const server of [proxy, crm, stranger]) {
    server?.closeAllConnections()
    server?.close()
  }
  await office?.close()
})

async function frameOf(page: { frame(name: string): Frame | null }): Promise<Frame> {
  const frame = page.frame('panel')
  if (frame === null) throw new Error('there is no frame')
  return frame
}

describe('the panel inside the CRM', () => {
  it('lets people sign in, work and come back, over TLS on a page of another site', async () => {
    const { page, complaints, close } = await visit(browser, { ignoreHTTPSErrors: true })
    await page.goto(crmUrl)
    let frame = await frameOf(page)
    await frame.locator('input[name=username]').fill('alice')
    await frame.locator('input[name=password]').fill('alice-password')
    await frame.getByRole('button', { name: 'Sign in' }).click()
    await frame.getByRole('heading', { name: 'My sync', level: 1 }).waitFor()
    await frame.getByRole('button', { name: 'Sync now' }).click()
    await frame.getByText('Runs now').first().waitFor()
    await expectAccessible(page, 'embedded')
    const [cookie] = await page.context().cookies(panelUrl)
    expect(cookie).toMatchObject({ httpOnly: true, secure: true, sameSite: 'None' })
    await page.reload()
    frame = await frameOf(page)
    await frame.getByRole('heading', { name: 'My sync', level: 1 }).waitFor()
    expect(complaints).toEqual([])
    await close()
  })

  it('is shown by nobody else', async () => {
    const { page, complaints, close } = await visit(browser, { ignoreHTTPSErrors: true })
    await page.goto(strangerUrl)
    await expect.poll(() => complaints.join()).toContain('frame-ancestors')
    for (const frame of page.frames()) expect(await frame.locator('input[name=username]').count()).toBe(0)
    await close()
  })

  it('is marked for frames in its cookie, which travels over TLS only', async () => {
    const answer = await fetch(`${office.url}/api/session`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ username: 'alice', password: 'alice-password' }) })
    expect(answer.headers.get('set-cookie')).toMatch(/(?=.*HttpOnly)(?=.*Secure)(?=.*SameSite=None)(?=.*Partitioned)/)
    const page = await fetch(office.url)
    expect(page.headers.get('content-security-policy')).toContain(`frame-ancestors 'self' ${crmUrl}`)
    expect(page.headers.get('x-frame-options')).toBeNull()
  })
})
