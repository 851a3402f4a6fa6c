import pg from 'pg'
import { expect, it } from 'vitest'
import { openStore } from '../../src/store/index.ts'
import { itemId } from '../../src/model/index.ts'
import { silentLog, systemClock, testDatabase } from '../support/postgres.ts'
import { aCopy, BOB } from '../support/store-rows.ts'

it('a database in which two mailboxes made a link each for one record is mended when it is opened', async () => {
  const database = await testDatabase()
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  const open = () => openStore({ databaseUrl: database.url, dataDir: '', log: silentLog, clock: systemClock })
  try {
    const before = await open()
    await before.transaction((tx) => tx.saveCopies([aCopy('1'), aCopy('2', { mailbox: BOB }), aCopy('3')]))
    await before.close()
    await client.query(`
      drop index connector.links_record;
      create index links_record on connector.links (record);
      update connector.links set record = 'record-1' where id = 'link-2';
      delete from connector.copies where id = '3';
      delete from connector.migrations where name = '0006-one-link.sql'`)
    const store = await open()
    const linked = await store.transaction((tx) => tx.copiesByRecord([itemId('record-1')]))
    const { rows } = await client.query('select id from connector.links')
    await store.close()
    expect([linked.map(({ copy, link }) => [copy.id, link.id]), rows]).toEqual([[['1', 'link-1'], ['2', 'link-1']], [{ id: 'link-1' }]])
  } finally {
    await client.end()
    await database.drop()
  }
})
