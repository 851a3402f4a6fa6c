import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { AxeBuilder } from '@axe-core/playwright'
import chromium from '@sparticuz/chromium'
import { chromium as playwright } from 'playwright-core'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { expect } from 'vitest'

/** SCREENSHOTS names a folder: then every step leaves a picture there. */
const PICTURES = process.env['SCREENSHOTS']
export const DESKTOP = { width: 1360, height: 850 }
export const PHONE = { width: 390, height: 800 }

/** A real Chromium: the one that the npm package brings, or the one that CHROMIUM names. */
export async function launchBrowser(...more: readonly string[]): Promise<Browser> {
  const executablePath = process.env['CHROMIUM'] ?? (await chromium.executablePath())
  return playwright.launch({ executablePath, headless: true, args: ['--no-sandbox', '--headless=shell', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run', ...more] })
}

export interface Visit {
  readonly page: Page
  /** What the page complained of: errors of scripts and of the content security policy. */
  readonly complaints: string[]
  close(): Promise<void>
}

export async function visit(browser: Browser, options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await browser.newContext({ viewport: DESKTOP, locale: 'en-GB', timezoneId: 'Europe/Rome', reducedMotion: 'reduce', ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    // A refused request is the service's answer, not the page's mistake.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) complaints.push(message.text())
  })
  return { page, complaints, close: () => context.close() }
}

export async function signIn(page: Page, url: string, username: string, password = `${username}-password`): Promise<void> {
  await page.goto(url)
  await page.locator('input[name=username]').fill(username)
  await page.locator('input[name=password]').fill(password)
  await page.keyboard.press('Enter')
  await page.locator('#page-title').waitFor()
}

/** Opens a page of the panel and waits until it shows what it has. */
export async function open(page: Page, url: string, path: string): Promise<void> {
  await page.goto(`${url}${path}`)
  await page.locator('#page-title').waitFor()
  await page.getByRole('status', { name: /^(Loading|Caricamento)$/ }).first().waitFor({ state: 'detached' })
}

/** Nothing is half faded in any more: a colour measured on the way has too little contrast. What turns for ever does not count. */
async function settled(page: Page): Promise<void> {
  await page.evaluate('Promise.allSettled(document.getAnimations().filter((one) => one.effect.getComputedTiming().iterations !== Infinity).map((one) => one.finished))')
}

/** No serious finding of axe, and nothing that is wider than the screen. */
export async function expectAccessible(page: Page, name: string): Promise<void> {
  await settled(page)
  await picture(page, name)
  const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21aa', 'best-practice']).analyze()
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
  expect(serious.map(({ id, nodes }) => `${name}: ${id} ${nodes.map(({ target }) => target.join(' ')).slice(0, 3).join(', ')}`)).toEqual([])
  expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth'), `${name} is wider than the screen`).toBeLessThanOrEqual(0)
}

export async function picture(page: Page, name: string): Promise<void> {
  if (PICTURES === undefined) return
  mkdirSync(PICTURES, { recursive: true })
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true })
}
