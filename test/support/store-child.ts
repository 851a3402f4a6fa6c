/**
 * A process that uses a store until it is told otherwise, for tests that kill it.
 * Arguments: data folder, and `serve` to begin a run of every woken lane that never ends.
 * Prints `ready` when the store is open and `running` when a run has begun; SIGTERM closes the store.
 */
import { openStore } from '../../src/store/index.ts'
import { mailboxId } from '../../src/model/index.ts'
import { silentLog, systemClock } from './postgres.ts'

const [dataDir = '', mode = ''] = process.argv.slice(2)
const store = await openStore({ dataDir, log: silentLog, clock: systemClock })
process.on('SIGTERM', () => void store.close().then(() => process.exit(0)))
await store.transaction(async (tx) => {
  await tx.saveSetting('written-by', 'child')
  if (mode === 'serve') await tx.wake([mailboxId('alice')])
})
console.log('ready')
if (mode === 'serve') {
  await store.lanes.serve(() => {
    console.log('running')
    return new Promise(() => undefined)
  }, 1)
}
setInterval(() => undefined, 60_000)
