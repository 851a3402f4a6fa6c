import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { findAssets } from '../../src/http/assets.ts'

const LIMIT_KB = 300
const kilobytes = (code: Buffer) => gzipSync(code).length / 1024

it(`the first load brings less than ${LIMIT_KB} KB of compressed script, whatever page it is, in English and in Italian`, async () => {
  const assets = join(await findAssets(() => undefined), 'assets')
  const page = readFileSync(join(assets, '../index.html'), 'utf8')
  const scripts = readdirSync(assets).filter((name) => name.endsWith('.js'))
  const imported = (name: string) => [...readFileSync(join(assets, name), 'utf8').matchAll(/(?:from|import)\s*["']\.\/([^"']+\.js)["']/g)].map(([, other]) => other ?? '')
  /** These, and whatever they cannot do without. */
  const whole = (names: readonly string[], found = new Set<string>()): Set<string> => {
    for (const name of names) if (!found.has(name)) whole(imported(name), found.add(name))
    return found
  }
  const weight = (names: Iterable<string>) => [...names].reduce((sum, name) => sum + kilobytes(readFileSync(join(assets, name))), 0)
  const first = [...page.matchAll(/(?:src|href)="\/assets\/([^"]+\.js)"/g)].map(([, name]) => name ?? '')
  const italian = scripts.filter((name) => /^(?:it|it-service|phrases)-/.test(name))
  const pages = scripts.filter((name) => !whole(first).has(name) && !italian.includes(name))
  expect([first.length > 0, italian.length, pages.length > 10]).toEqual([true, 3, true])
  const heaviest = pages.map((name) => ({ name, kb: weight(whole([...first, ...italian, name])) })).sort((left, right) => right.kb - left.kb)[0]
  console.log(`first load ${weight(whole(first)).toFixed(0)} KB, with Italian and the heaviest page (${heaviest?.name}) ${heaviest?.kb.toFixed(0)} KB`)
  expect(heaviest?.kb).toBeLessThan(LIMIT_KB)
})
