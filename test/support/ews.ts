/** A simulated Exchange server with mailboxes opened on it, for tests of the adapter. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { startEwsSim } from '../../sim/ews/index.ts'
import type { EwsSim, EwsSimOptions } from '../../sim/ews/index.ts'
import { createEwsConnection } from '../../src/ews/index.ts'
import type { EwsConnection } from '../../src/ews/index.ts'
import { assigneeId, instant, mailboxId } from '../../src/model/index.ts'
import type { ChangeKey, ItemId, ItemKind, Mailbox, Snapshot } from '../../src/model/index.ts'
import type { Change, Clock, Exchange, Log, WriteOutcome } from '../../src/ports.ts'

const schemaDir = fileURLToPath(new URL('../../../shared/schemas/ews/', import.meta.url))
const log: Log = { debug() {}, info() {}, warn() {}, error() {} }
const clock: Clock = {
  now: () => instant(Date.now()), elapsedMs: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => { setTimeout(resolve, ms) }),
}

export interface TestOffice {
  readonly sim: EwsSim
  mailbox(name: string, zone?: string): Exchange
  stop(): Promise<void>
}

/** Every request is checked against the schemas where they are beside the repository. */
export async function startOffice(options: EwsSimOptions = {}): Promise<TestOffice> {
  const sim = await startEwsSim({ validate: existsSync(schemaDir) ? { schemaDir } : null, ...options })
  const connection: EwsConnection = createEwsConnection({
    name: 'onprem', url: sim.url, auth: { kind: 'basic' }, credentials: sim.service, impersonation: true, log, clock, timeoutMs: 5_000,
  })
  return {
    sim,
    mailbox: (name, zone = 'Europe/Rome') => connection.mailbox(ownerOf(name, zone)),
    async stop() {
      await connection.close()
      await sim.stop()
    },
  }
}

const ownerOf = (name: string, zone: string): Mailbox => ({
  id: mailboxId(name), address: `${name}@example.test`, user: name, userId: assigneeId(`19x${name.length}`), connection: 'onprem', zone,
})

export function done(outcome: WriteOutcome | undefined): Snapshot {
  if (outcome?.type !== 'done') throw new Error(`The write ended as ${JSON.stringify(outcome)}`)
  return outcome.snapshot
}

/** All pages from the start. @param known change keys that the caller holds */
export async function pullAll(mailbox: Exchange, kind: ItemKind, known: ReadonlyMap<ItemId, ChangeKey> = new Map()): Promise<Change[]> {
  const changes: Change[] = []
  for (let since: Parameters<Exchange['pull']>[1] = null, more = true; more;) {
    const page = await mailbox.pull(kind, since, () => Promise.resolve(known))
    if (page.type !== 'page') throw new Error(page.type)
    changes.push(...page.changes)
    since = page.next
    more = page.more
  }
  return changes
}

/** The only item of a kind. */
export async function onlyItem(mailbox: Exchange, kind: ItemKind = 'event'): Promise<Snapshot> {
  const changes = await pullAll(mailbox, kind)
  const [change] = changes
  if (changes.length !== 1 || change?.type !== 'seen') throw new Error(`Not one item: ${JSON.stringify(changes)}`)
  return change.snapshot
}
