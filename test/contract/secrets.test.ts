import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openStore } from '../../src/store/index.ts'
import type { PostgresStore } from '../../src/store/index.ts'
import { silentLog, systemClock, testDatabase } from '../support/postgres.ts'
import type { TestDatabase } from '../support/postgres.ts'

const WRONG_KEY = { code: 'STORE_WRONG_KEY', scope: 'system', remedy: 'ask-human' }

describe('secrets', () => {
  let database: TestDatabase
  let dataDir: string
  let admin: pg.Client
  const stores: PostgresStore[] = []
  const open = async (key?: string) => {
    const store = await openStore({ databaseUrl: database.url, dataDir, log: silentLog, clock: systemClock, ...(key && { key }) })
    stores.push(store)
    return store.secrets
  }
  beforeAll(async () => {
    database = await testDatabase()
    dataDir = await mkdtemp(join(tmpdir(), 'connector-secrets-'))
    admin = new pg.Client({ connectionString: database.url })
    await admin.connect()
  })
  beforeEach(() => admin.query('truncate connector.secrets'))
  afterAll(async () => {
    await Promise.all(stores.map((store) => store.close()))
    await admin?.end()
    await database?.drop()
    await rm(dataDir, { recursive: true, force: true })
  })

  it('come back as they were put, can be replaced and removed', async () => {
    const secrets = await open()
    await secrets.put('ews:bob', 'pa\u0000ss 😀')
    await secrets.put('empty', '')
    expect(await secrets.get('ews:bob')).toBe('pa\u0000ss 😀')
    await secrets.put('ews:bob', 'new')
    expect([await secrets.get('ews:bob'), await secrets.get('empty'), await secrets.get('never')]).toEqual(['new', '', null])
    await secrets.remove('ews:bob')
    expect(await secrets.get('ews:bob')).toBeNull()
  })

  it('never stand in the database as they are, nor twice the same', async () => {
    const secrets = await open()
    await secrets.put('a', 'correct horse battery staple')
    await secrets.put('b', 'correct horse battery staple')
    const { rows } = await admin.query<{ name: string; sealed: Buffer }>(`select * from connector.secrets where name in ('a', 'b') order by name`)
    for (const row of rows) expect(row.sealed.toString('latin1')).not.toMatch(/horse|staple/)
    const [a, b] = rows.map((row) => row.sealed)
    expect(a?.subarray(-28)).not.toEqual(b?.subarray(-28))
  })

  it('do not open under another name, or when a bit was changed', async () => {
    const secrets = await open()
    await secrets.put('a', 'value')
    await admin.query(`insert into connector.secrets select 'stolen', sealed from connector.secrets where name = 'a'`)
    await expect(secrets.get('stolen')).rejects.toMatchObject(WRONG_KEY)
    await admin.query(`update connector.secrets set sealed = set_bit(sealed, 500, 1 - get_bit(sealed, 500)) where name = 'a'`).catch(() =>
      admin.query(`update connector.secrets set sealed = set_bit(sealed, 380, 1 - get_bit(sealed, 380)) where name = 'a'`))
    await expect(secrets.get('a')).rejects.toMatchObject(WRONG_KEY)
  })

  it('are refused with another key before anything is written with it', async () => {
    const passphrase = 'a passphrase that is long'
    await (await open(passphrase)).put('a', 'value')
    const wrong = await open(randomBytes(32).toString('base64'))
    await expect(wrong.get('a')).rejects.toMatchObject(WRONG_KEY)
    await expect(wrong.put('b', 'x')).rejects.toMatchObject(WRONG_KEY)
    await expect(wrong.get('nothing')).rejects.toMatchObject(WRONG_KEY)
    expect(await (await open(passphrase)).get('a')).toBe('value')
  })

  it('are sealed anew by a rotation, and then open with the new key only', async () => {
    const [before, after] = [randomBytes(32).toString('base64'), 'the new passphrase']
    const secrets = await open(before)
    await secrets.put('a', 'value')
    await secrets.rotate(after)
    expect(await secrets.get('a')).toBe('value')
    expect(await (await open(after)).get('a')).toBe('value')
    await expect((await open(before)).get('a')).rejects.toMatchObject(WRONG_KEY)
  })

  it('use a key file that only its owner reads when no key is configured; a short passphrase is refused', async () => {
    await Promise.all([(await open()).put('a', '1'), (await open()).put('b', '2')])
    expect((await stat(join(dataDir, 'key'))).mode & 0o777).toBe(0o600)
    expect(Buffer.from(await readFile(join(dataDir, 'key'), 'utf8'), 'base64')).toHaveLength(32)
    expect(await (await open()).get('a')).toBe('1')
    await expect((await open('short')).get('a')).rejects.toMatchObject({ code: 'STORE_BAD_KEY' })
  })
})
