import { asSyncError } from '../lib/errors.ts'
import type { ItemKind } from '../model/index.ts'
import type { Clock } from '../ports.ts'
import { examine, type CrmCheck, type Examination } from './check.ts'
import { misconfigured } from './errors.ts'
import type { Holding } from './hold.ts'
import { createUninvited, type Uninvited } from './invitees.ts'
import { cached, createPeople, type People } from './people.ts'
import { rawRecord, type RawRecord, type Reading } from './record.ts'
import { MODULES, type Schema } from './schema.ts'
import type { Sessions } from './session.ts'

/** What is known of this CRM: its zone, modules, people and account names. */
export interface Installation extends Holding {
  readonly people: People
  readonly uninvited: Uninvited
  /** Everything that is looked at, without refusing; a CRM that cannot be reached is one failed check. */
  check(): Promise<readonly CrmCheck[]>
  /** @throws SyncError CRM_MISCONFIGURED when the set-up does not let values be read safely */
  zone(): Promise<string>
  /** @throws SyncError as `zone`, and when the module is not there */
  need(kind: ItemKind): Promise<Schema>
  /** What decoding these records needs: owners' zones and account names are fetched. */
  reading(kind: ItemKind, records: readonly RawRecord[]): Promise<Reading>
  /** What the server's clock is ahead of ours, in milliseconds. */
  skewMs(): Promise<number>
  /** Learns the server's clock. @param seconds since 1970 */
  setServerNow(seconds: number): void
}

const ACCOUNT_MS = 10 * 60_000
const ACCOUNT_BATCH = 100

export function createInstallation(sessions: Sessions, clock: Clock, referenceLabel: string): Installation {
  let last: Examination | null = null
  let skewMs: number | null = null
  const accounts = new Map<string, { readonly name: string; readonly at: number }>()

  async function look(): Promise<Examination> {
    last = await examine(sessions, clock, referenceLabel)
    return last
  }

  const sound = cached(clock, async () => {
    const examination = await look()
    const failed = examination.checks.find(({ ok, level }) => !ok && level === 'error')
    if (failed !== undefined || examination.server === null) {
      throw misconfigured(
        failed === undefined
          ? 'The CRM does not tell its time zone.'
          : `${failed.name}: ${failed.detail} ${failed.cure}`,
      )
    }
    return { ...examination, server: examination.server }
  })

  const people = createPeople(sessions, clock, async () => (await sound()).server)

  async function nameAccounts(ids: readonly string[]): Promise<void> {
    const missing = [...new Set(ids)].filter((id) => {
      const held = accounts.get(id)
      return /^\d+x\d+$/.test(id) && (held === undefined || clock.elapsedMs() - held.at >= ACCOUNT_MS)
    })
    const batches: string[][] = []
    for (let i = 0; i < missing.length; i += ACCOUNT_BATCH) batches.push(missing.slice(i, i + ACCOUNT_BATCH))
    await sessions.map(batches, async (batch) => {
      const list = batch.map((id) => `'${id}'`).join(',')
      const query = `select id,accountname from Accounts where id in (${list}) limit ${batch.length};`
      const rows = await sessions.call('query', { query })
      const at = clock.elapsedMs()
      for (const id of batch) accounts.set(id, { name: '', at })
      for (const row of Array.isArray(rows) ? rows : []) {
        const { id, accountname } = rawRecord(row, 'query')
        accounts.set(id, { name: accountname ?? '', at })
      }
    })
  }

  async function need(kind: ItemKind): Promise<Schema> {
    const schema = (await sound()).schemas.get(MODULES[kind])
    if (schema === undefined) throw misconfigured(`The module ${MODULES[kind]} of the CRM is not active.`)
    return schema
  }

  return {
    people,
    uninvited: createUninvited(),
    get server() {
      return last?.server ?? null
    },
    schema: (module) => last?.schemas.get(module) ?? null,
    get users() {
      return people.known()
    },
    async check() {
      try {
        const { checks } = await look()
        return [reachable(true, 'The API user is logged in.'), ...checks]
      } catch (thrown) {
        return [reachable(false, asSyncError(thrown).message)]
      }
    },
    zone: async () => (await sound()).server,
    need,
    async reading(kind, records) {
      const server = (await sound()).server
      const schema = await need(kind)
      const users = await people.users()
      if (kind === 'contact') await nameAccounts(records.map(({ account_id }) => account_id ?? ''))
      return {
        schema,
        server,
        users,
        zoneOf: (assignee) => people.zoneOf(assignee) ?? server,
        accountName: (account) => accounts.get(account)?.name ?? '',
      }
    },
    async skewMs() {
      skewMs ??= (await sessions.identity()).skewMs
      return skewMs
    },
    setServerNow(seconds) {
      skewMs = seconds * 1_000 - Date.parse(clock.now())
    },
  }
}

const reachable = (ok: boolean, detail: string): CrmCheck => ({
  name: 'The CRM answers',
  ok,
  detail,
  cure: ok ? '' : 'Check crm.url, crm.username and crm.accessKey.',
  level: 'error',
})
