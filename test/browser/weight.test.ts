import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { findAssets } from '../../src/http/assets.ts'

const LIMIT_KB = 300
const kilobytes = (code: Buffer) => gzipSync(code).length / 1024

it(`the first load brings less than ${LIMIT_KB} KB of compressed script, whatever page it is`, async () => {
  const assets = join(await findAssets(() => undefined), 'assets')
  const page = readFileSync(join(assets, '../index.html'), 'utf8')
  const first = [...page.matchAll(/(?:src|href)="\/assets\/([^"]+\.js)"/g)].map(([, name]) => name ?? '')
  expect(first.length).toBeGreaterThan(0)
  const scripts = readdirSync(assets).filter((name) => name.endsWith('.js'))
  const weight = (names: readonly string[]) => names.reduce((sum, name) => sum + kilobytes(readFileSync(join(assets, name))), 0)
  const pages = scripts.filter((name) => !first.includes(name))
  // Even if a page needed every other script at once.
  console.log(`first load ${weight(first).toFixed(0)} KB, all pages together ${weight(pages).toFixed(0)} KB`)
  expect(weight([...first, ...pages])).toBeLessThan(LIMIT_KB)
})
