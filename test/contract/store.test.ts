import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createMemoryLanes } from '../../sim/memory-lanes.ts'
import { createMemoryStore } from '../../sim/memory-store.ts'
import { settledSetting } from '../../src/model/index.ts'
import { openStore } from '../../src/store/index.ts'
import type { PostgresStore } from '../../src/store/index.ts'
import { silentLog, systemClock, testDatabase } from '../support/postgres.ts'
import type { TestDatabase } from '../support/postgres.ts'
import { ALICE, at, BOB } from '../support/store-rows.ts'
import { lanesContract } from './lanes.contract.ts'
import { storeContract } from './store.contract.ts'

storeContract('memory', async () => createMemoryStore())
lanesContract('memory', async () => {
  const store = createMemoryStore()
  return { store, lanes: createMemoryLanes(store) }
})

let database: TestDatabase
let store: PostgresStore
let admin: pg.Client

beforeAll(async () => {
  database = await testDatabase()
  store = await openStore({ databaseUrl: database.url, dataDir: '/nonexistent', log: silentLog, clock: systemClock })
  admin = new pg.Client({ connectionString: database.url })
  await admin.connect()
})
afterAll(async () => {
  await store?.close()
  await admin?.end()
  await database?.drop()
})

const empty = async () => {
  const { rows } = await admin.query<{ name: string }>(`select tablename as name from pg_tables where schemaname = 'connector' and tablename <> 'migrations'`)
  await admin.query(`truncate ${rows.map((row) => `connector.${row.name}`).join(', ')}; delete from connector_queue.job`)
  return store
}

storeContract('PostgreSQL', empty)
lanesContract('PostgreSQL', async () => ({ store: await empty(), lanes: store.lanes }))

describe('a mailbox that is read again from the start', () => {
  it('counts as never synchronised only where its pairs are forgotten, too', async () => {
    const { panel, transaction } = await empty()
    const settled = () => transaction(async (tx) => [await tx.setting(settledSetting(ALICE)), await tx.setting(settledSetting(BOB))])
    await transaction(async (tx) => { for (const lane of [ALICE, BOB]) await tx.saveSetting(settledSetting(lane), at(1)) })
    await panel.lanes.resetLane(ALICE, false, new Date())
    expect(await settled()).toEqual([at(1), at(1)])
    await panel.lanes.resetLane(ALICE, true, new Date())
    expect(await settled()).toEqual([null, at(1)])
  })
})
