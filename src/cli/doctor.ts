import type { Command } from 'commander'
import { connectionOf } from '../config.ts'
import type { UserConfig } from '../config.ts'
import { asSyncError } from '../lib/errors.ts'
import { credentialsOf, mailboxIdOf } from '../main.ts'
import type { Connector } from '../main.ts'
import { newTotals } from '../engine/index.ts'
import { assigneeId } from '../model/index.ts'
import { EXIT, printJson, say, table } from './output.ts'
import { checkWhoIsWho } from './people-check.ts'
import type { Finding, Located } from './people-check.ts'
import { withConnector } from './session.ts'
import type { CommonOptions } from './session.ts'

export function doctorCommand(command: Command): void {
  command.description('check everything the connector relies on, with a cure for each trouble').action(async (options: CommonOptions) => {
    await withConnector(options, async (connector) => {
      const findings = [...(await checkStore(connector)), ...(await checkCrm(connector)), ...(await checkPeople(connector)), ...(await checkMailboxes(connector))]
      const ok = findings.every((finding) => finding.ok || finding.level === 'warning')
      if (options.json === true) printJson({ ok, checks: findings })
      else {
        say(table(['', 'check', 'of', 'result'], summed(findings).map((one) => [one.ok ? 'ok' : one.level, one.name, one.of, one.ok || one.cure === '' ? one.detail : `${one.detail} -> ${one.cure}`])))
        say(ok ? '\nEverything needed is in place.' : '\nSomething needs mending; each line above says how.')
      }
      return ok ? EXIT.done : EXIT.failed
    })
  })
}

/** A mailbox in which all is well is one line, not five. */
function summed(findings: readonly Finding[]): Finding[] {
  return [...Map.groupBy(findings, (finding) => finding.of)].flatMap(([of, ones]) => {
    if (!of.includes('@') || ones.some((one) => !one.ok)) return ones
    const last = ones.at(-1)
    return last === undefined ? [] : [{ ...last, name: 'mailbox', detail: `${ones.map((one) => one.name).join(', ')}: all well` }]
  })
}

async function checkStore({ store }: Connector): Promise<Finding[]> {
  const health = await store.health()
  const detail = health.ok ? `PostgreSQL ${health.version}${health.embedded ? ', our own' : ''}, answered in ${Math.round(health.answerMs)} ms` : (health.trouble ?? '')
  return [{ name: 'database', of: 'store', ok: health.ok, level: 'error', detail, cure: health.ok ? '' : 'Start the database server, or correct DATABASE_URL.' }]
}

async function checkCrm({ crm }: Connector): Promise<Finding[]> {
  return (await crm.check()).map((check) => ({ ...check, of: 'vtenext' }))
}

/** Each user and group of the configuration against what the CRM knows. */
async function checkPeople(connector: Connector): Promise<Finding[]> {
  const totals = newTotals()
  try {
    const { config, store } = connector
    const lanes = await store.transaction((tx) => tx.lanes())
    const mailboxes = await connector.prepare(totals)
    const fine = { name: 'users and groups', of: 'configuration', level: 'error' as const }
    const findings = checkWhoIsWho({ config, directory: connector.directory(), lanes, located: await locate(connector) })
    if (totals.errors.length === 0) return [{ ...fine, ok: true, detail: `${mailboxes.length} users found in the CRM`, cure: '' }, ...findings]
    return [...totals.errors.map((error) => ({ ...fine, ok: false, detail: error.message, cure: '' })), ...findings]
  } catch (thrown) {
    const error = asSyncError(thrown)
    return [{ name: 'users and groups', of: 'configuration', ok: false, level: 'error', detail: `could not be checked: ${error.message}`, cure: 'Mend the CRM checks above first.' }]
  }
}

/** Asks each server for the main address of its mailboxes, as whoever of them it lets in. Trouble is told by the checks of the mailboxes. */
async function locate(connector: Connector): Promise<Located> {
  const { config } = connector
  const found = new Map<string, string | null>()
  for (const { name, kind } of config.exchange) {
    const users = kind === 'ews' ? config.users.filter((user) => connectionOf(config, user)?.name === name) : []
    const asker = await firstWho(users, (user) => connector.connection(name).person(user.mailbox, user.mailbox, credentialsOf(user)))
    if (asker === undefined) continue
    for (const address of users.flatMap(({ mailbox, aliases }) => [mailbox, ...aliases])) {
      const person = await connector.connection(name).person(address, asker.mailbox, credentialsOf(asker)).catch(() => undefined)
      if (person !== undefined) found.set(address.toLowerCase(), person?.address ?? null)
    }
  }
  return found
}

const MOST_ASKERS = 3

async function firstWho(users: readonly UserConfig[], works: (user: UserConfig) => Promise<unknown>): Promise<UserConfig | undefined> {
  for (const user of users.slice(0, MOST_ASKERS)) if (await works(user).then(() => true, () => false)) return user
  return undefined
}

const levelOf = (check: object) => ('warning' in check ? 'warning' as const : 'error' as const)

async function checkCloud(connector: Connector, connection: string, user: UserConfig) {
  const address = user.mailbox.toLowerCase()
  const known = connector.directory().mailboxes.find((mailbox) => mailbox.address === address)
  // A user the CRM does not know is checked all the same.
  const mailbox = known ?? { id: mailboxIdOf(address), address, user: user.crm, userId: assigneeId(''), connection, zone: 'UTC' }
  return await connector.graph(connection)?.check(mailbox) ?? []
}

async function checkMailboxes(connector: Connector): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const user of connector.config.users) {
    const connection = connectionOf(connector.config, user)
    if (connection === undefined) continue
    const checks = connection.kind === 'graph' ? await checkCloud(connector, connection.name, user) : await connector.connection(connection.name).check(user.mailbox, credentialsOf(user))
    findings.push(...checks.map((check) => ({ ...check, level: levelOf(check), of: user.mailbox })))
  }
  for (const { name, kind } of connector.config.exchange) {
    if (kind === 'graph') findings.push(...(connector.graph(name)?.checkSecret() ?? []).map((check) => ({ ...check, level: levelOf(check), of: name })))
  }
  return findings
}
