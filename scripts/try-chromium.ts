/** Ends well where the Chromium that npm brings can be started; says what is missing where not. */
import { launchBrowser } from '../test/browser/support/browser.ts'

try {
  const browser = await launchBrowser()
  console.log(`Chromium ${browser.version()} starts.`)
  await browser.close()
} catch (error) {
  console.log(`Chromium does not start: ${error instanceof Error ? error.message.split('\n').slice(0, 6).join('\n') : String(error)}`)
  process.exitCode = 1
}
