import { checkConfig } from '../config.ts'
import type { Config, Sections } from '../config.ts'
import { newTotals, preview } from '../engine/index.ts'
import type { PlannedWrite, Totals } from '../engine/index.ts'
import { asSyncError } from '../lib/errors.ts'
import { connectorOn } from '../main.ts'
import type { Connector } from '../main.ts'
import type { Log } from '../ports.ts'
import { signIn } from '../vtenext/index.ts'
import { refused } from './errors.ts'
import type { Policies } from './index.ts'
import { checkMailbox, mailboxFor } from './mailboxes.ts'
import type { Step } from './mailboxes.ts'
import type { Station } from './station.ts'
import type { Task, Tasks } from './tasks.ts'

export interface CrmDraft {
  readonly url: string
  readonly username: string
  readonly accessKey?: string | undefined
  readonly password?: string | undefined
  readonly allowHttp: boolean
}
/** What of the CRM's section can be changed without trying it out; the names are those of the configuration file. */
export type CrmSettings = Pick<Config['crm'], 'url' | 'username' | 'pollSeconds' | 'referenceField'>
export type ConnectionDraft = Config['exchange'][number]
/** A connection without its secrets. */
export type ConnectionFace = Pick<ConnectionDraft, (typeof SHOWN)[number]> & { readonly hasPassword: boolean; readonly hasClientSecret: boolean; readonly mailbox: string | null }
export interface Chosen {
  readonly crm: string
  readonly mailbox: string
}
export interface PreviewResult {
  readonly mails: number
  readonly linked: number
  readonly failed: number
  readonly held: number
  readonly conflicts: number
  readonly writes: readonly { readonly mailbox: string; readonly side: string; readonly type: string; readonly kind: string; readonly count: number }[]
  readonly skippedBy: Readonly<Record<string, number>>
  readonly errors: readonly string[]
}

/** What a form shows of a connection and sends back. */
const SHOWN = ['name', 'kind', 'url', 'autodiscover', 'auth', 'channelBinding', 'username', 'impersonation', 'delegation', 'allowHttp', 'tenant', 'clientId', 'clientSecretExpires', 'access', 'loginUrl', 'graphUrl'] as const
/** What no form asks for: it stays as it is while the rest changes. */
const KEPT = ['trustedHosts', 'certificate', 'certificateKey', 'tasks', 'publicUrl', 'pollSeconds', 'ca'] as const
/** A secret that nobody typed anew goes only where it went before. */
const TARGETS = { password: ['url', 'autodiscover', 'username', 'allowHttp'], clientSecret: ['tenant', 'clientId', 'loginUrl', 'graphUrl', 'allowHttp'] } as const

/**
 * The connection as it would be after a change.
 * @throws Refusal SECRET_MISSING where the stored secret would go to somebody else
 */
function changed(before: ConnectionDraft, wanted: ConnectionDraft): ConnectionDraft {
  const kept = Object.fromEntries(KEPT.map((key) => [key, before[key]]))
  const secrets = (['password', 'clientSecret'] as const).flatMap((secret) => {
    if (wanted[secret] !== undefined || before[secret] === undefined) return []
    // With the user's own passwords there is none of the company's.
    if (secret === 'password' && !wanted.impersonation && wanted.delegation !== true) return []
    if (TARGETS[secret].some((key) => (wanted[key] ?? '') !== (before[key] ?? ''))) throw refused(400, 'SECRET_MISSING', 'The address or the account is another one: enter its password or secret, too.')
    return [[secret, before[secret]] as const]
  })
  const given = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined))
  return { ...kept, ...Object.fromEntries(secrets), ...given } as ConnectionDraft
}

/**
 * Connecting servers, step by step: each step is tried out against the real server before anything is stored, and what
 * passed is remembered here, so that secrets do not travel back.
 */
export function openConnect(station: Station, tasks: Tasks, policies: Policies, log: Log) {
  let draft: { crm?: Config['crm']; connection?: ConnectionDraft; own?: { username: string; password: string } } = {}

  const crmSection = () => draft.crm ?? station.sections().config?.crm
  const crm = () => {
    const found = crmSection()
    if (found === undefined) throw refused(409, 'CRM_FIRST', 'Connect the CRM first.')
    return found
  }

  /** A connector of its own for trying out; nothing of it is kept. */
  async function tryOut<T>(sections: Sections, work: (connector: Connector) => Promise<T>): Promise<T> {
    const connector = connectorOn(station.store, checkConfig(sections), log)
    try {
      return await work(connector)
    } finally {
      await connector.close()
    }
  }

  const failed = (thrown: unknown): Step => ({ name: 'configuration', ok: false, detail: thrown instanceof Error ? thrown.message : asSyncError(thrown).message, cure: '' })
  /** Stands in for the part that is not asked about yet. */
  const ANY_EXCHANGE = [{ name: 'none', kind: 'ews', url: 'https://localhost/EWS/Exchange.asmx' }]

  function crmSettings(): CrmSettings {
    const { url, username, pollSeconds, referenceField } = station.need().connector.config.crm
    return { url, username, pollSeconds, referenceField }
  }

  async function testCrm(wanted: CrmDraft): Promise<{ ok: boolean; checks: readonly Step[] }> {
    const { url, username, allowHttp } = wanted
    try {
      let accessKey = wanted.accessKey
      if (!accessKey && wanted.password) {
        const found = await signIn(url, allowHttp, username, wanted.password)
        if (found.type !== 'known') return { ok: false, checks: [{ name: 'login', ok: false, detail: 'The CRM does not accept this user name with this password.', cure: 'Correct the password, or enter the access key from the user\'s preferences.' }] }
        accessKey = found.accessKey
      }
      const { pollSeconds, referenceField } = station.sections().config?.crm ?? {}
      const section = { kind: 'vtenext', url, username, accessKey: accessKey ?? '', allowHttp, pollSeconds, referenceField }
      const checks = await tryOut({ crm: section, exchange: ANY_EXCHANGE }, (connector) => connector.crm.check())
      const ok = checks.every((check) => check.ok || check.level === 'warning')
      if (ok) draft = { ...draft, crm: checkConfig({ crm: section, exchange: ANY_EXCHANGE }).crm }
      return { ok, checks: checks.map(({ name, ok: fine, detail, cure }) => ({ name, ok: fine, detail, cure })) }
    } catch (thrown) {
      return { ok: false, checks: [failed(thrown)] }
    }
  }

  /** @param isChange whether a connection of this name is changed, or one is added */
  async function testConnection(wanted: ConnectionDraft, mailbox: string, own?: { username: string; password: string }, isChange = false): Promise<{ ok: boolean; checks: readonly Step[] }> {
    const before = station.sections().config?.exchange.find(({ name, kind }) => name === wanted.name && (!isChange || kind === wanted.kind))
    if (isChange && before === undefined) throw refused(404, 'NO_CONNECTION', `There is no Exchange connection "${wanted.name}".`)
    if (!isChange && before !== undefined) throw refused(409, 'NAME_TAKEN', `There is a connection "${wanted.name}" already. Choose another name, or change that one.`)
    const connection = before === undefined ? wanted : changed(before, wanted)
    try {
      const checks = await tryOut({ crm: crm(), exchange: [connection] }, (connector) => checkMailbox(connector, connection, mailboxFor(connector, connection.name, mailbox), own, true))
      const ok = checks.every((check) => check.ok)
      if (ok) draft = { ...draft, connection, ...(own === undefined ? {} : { own }) }
      return { ok, checks }
    } catch (thrown) {
      return { ok: false, checks: [failed(thrown)] }
    }
  }

  /** The configuration as it would be. */
  function sectionsWith(chosen: readonly Chosen[]): Sections {
    const now = station.sections().config
    const { connection } = draft
    const others = now?.exchange ?? []
    // One that is changed stays in its place: the first one serves whoever names none.
    const isNew = connection !== undefined && !others.some(({ name }) => name === connection.name)
    const exchange = [...others.map((one) => (one.name === connection?.name ? connection : one)), ...(isNew ? [connection] : [])]
    const name = connection?.name ?? exchange[0]?.name
    const added = chosen.map(({ crm: user, mailbox }) => ({ crm: user, mailbox, ...(name === undefined ? {} : { exchange: name }) }))
    // Who named no connection while there was only one stays with that one.
    const [only, another] = now?.exchange ?? []
    const before = (now?.users ?? []).map((entry) => (only === undefined || another !== undefined ? entry : { exchange: only.name, ...entry }))
    const users = [...before.filter((entry) => !added.some((one) => one.crm === entry.crm)), ...added]
    return { crm: crm(), exchange, users, groups: now?.groups ?? [], ...(now === null ? {} : { sync: now.sync, policy: now.policy }) }
  }

  return {
    testCrm, testConnection,
    /** The CRM's users with the mailbox each probably has. */
    users: ({ search, offset, limit }: { search?: string | undefined; offset: number; limit: number }) =>
      tryOut({ crm: crm(), exchange: ANY_EXCHANGE }, async (connector) => {
        const connected = new Set(station.sections().config?.users.map((entry) => entry.crm))
        const needle = (search ?? '').toLowerCase()
        const all = (await connector.crm.users()).filter((user) => user.active && `${user.name} ${user.fullName} ${user.addresses.join(' ')}`.toLowerCase().includes(needle))
        return {
          total: all.length,
          rows: all.slice(offset, offset + limit).map(({ id, name, fullName, addresses }) => ({ id, name, fullName, suggested: addresses[0] ?? null, connected: connected.has(name) })),
        }
      }),
    /** What the first sync of these mailboxes would do. Nothing is written anywhere. */
    preview(chosen: readonly Chosen[]): Task {
      const sections = sectionsWith(chosen)
      return tasks.run('preview', 1, () => tryOut(sections, async (connector) => {
        const totals = newTotals()
        const directory = await connector.look(totals)
        const wanted = directory.mailboxes.filter(({ address }) => chosen.some(({ mailbox }) => mailbox.toLowerCase() === address))
        const { writes } = await preview(connector.engine({ once: true, dry: true }, totals), wanted)
        return summary(totals, writes)
      }))
    },
    async finish(chosen: readonly Chosen[], takeUp: 'all' | 'new'): Promise<void> {
      const next = sectionsWith(chosen)
      const connector = connectorOn(station.store, checkConfig(next), log)
      try {
        if (takeUp === 'new') for (const user of await connector.crm.users()) if (chosen.some((one) => one.crm === user.name)) await policies.since(user.id, new Date())
      } finally {
        await connector.close()
      }
      await station.change(() => next)
      draft = {}
    },
    crmSettings,
    /** As they are configured, without their secrets; each with a mailbox to try it out on. */
    connections(): readonly ConnectionFace[] {
      const { config } = station.need().connector
      return config.exchange.map((one) => ({
        ...(Object.fromEntries(SHOWN.map((key) => [key, one[key]])) as Pick<ConnectionDraft, (typeof SHOWN)[number]>),
        hasPassword: one.password !== undefined, hasClientSecret: one.clientSecret !== undefined || one.certificate !== undefined,
        mailbox: config.users.find((entry) => (entry.exchange ?? config.exchange[0]?.name) === one.name)?.mailbox ?? null,
      }))
    },
    async changeCrm(wanted: { pollSeconds?: number | undefined; referenceField?: string | undefined }): Promise<CrmSettings> {
      const before = station.need().connector.config.crm
      const { pollSeconds = before.pollSeconds, referenceField = before.referenceField } = wanted
      await station.change((sections) => ({ ...sections, crm: { ...before, pollSeconds, referenceField } }))
      return crmSettings()
    },
    async removeConnection(name: string): Promise<void> {
      const { config } = station.need().connector
      const used = config.users.filter((entry) => (entry.exchange ?? config.exchange[0]?.name) === name).length
      if (used > 0) throw refused(409, 'CONNECTION_IN_USE', `${used} mailboxes use this connection. Disconnect them first.`)
      await station.change((sections) => ({ ...sections, exchange: config.exchange.filter((one) => one.name !== name) }))
    },
  }
}

function summary(totals: Totals, planned: readonly PlannedWrite[]): PreviewResult {
  const counts = new Map<string, PreviewResult['writes'][number]>()
  for (const { mailbox, side, type, kind } of planned) {
    const key = `${mailbox ?? ''}/${side}/${type}/${kind}`
    counts.set(key, { mailbox: mailbox ?? '', side, type, kind, count: (counts.get(key)?.count ?? 0) + 1 })
  }
  const { mails, linked, failed, held, conflicts, skippedBy, errors } = totals
  return { mails, linked, failed, held, conflicts, skippedBy, writes: [...counts.values()], errors: errors.map(({ message }) => message) }
}
