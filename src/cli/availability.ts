import type { Command } from 'commander'
import { connectionOf } from '../config.ts'
import type { UserConfig } from '../config.ts'
import { asSyncError, SyncError } from '../lib/errors.ts'
import { openAvailability } from '../main.ts'
import type { Connector } from '../main.ts'
import { instant, instantMs } from '../model/index.ts'
import type { Window } from '../model/index.ts'
import type { MailboxAvailability } from '../ports.ts'
import { momentOrDay, names } from './options.ts'
import { EXIT, printJson, say, table } from './output.ts'
import { withConnector } from './session.ts'
import type { CommonOptions } from './session.ts'

interface Options extends CommonOptions {
  readonly users: readonly string[]
  readonly from: string
  readonly to: string
}

/** One of those who were asked for. */
export interface Asked {
  /** The CRM user; null for a bare address. */
  readonly user: string | null
  /** Null for a user without one. */
  readonly mailbox: string | null
  /** How the configuration connects the mailbox, where it does. */
  readonly entry?: UserConfig
}

type Answer = Pick<Asked, 'user' | 'mailbox'> & Pick<MailboxAvailability, 'blocks' | 'error'>

const MOST_DAYS = 731

export function availabilityCommand(command: Command): void {
  command
    .description('when people are free or taken, as Exchange tells it now')
    .requiredOption('--users <list>', 'CRM user names or mailbox addresses, with commas between', names)
    .requiredOption('--from <time>', 'begin: 2027-01-31T08:00:00Z, or a day in UTC', momentOrDay)
    .requiredOption('--to <time>', 'end, itself no longer part of it', momentOrDay)
    .action(async (options: Options) => {
      await withConnector(options, async (connector) => {
        const window = windowOf(options)
        const asked = await whoIs(connector, options.users)
        const answers = await askAll(connector, asked, window)
        const ok = answers.some(({ error }) => error === null)
        if (options.json === true) printJson({ ok, from: window.from, to: window.to, users: answers })
        else print(answers)
        return ok ? EXIT.done : EXIT.failed
      })
    })
}

function windowOf({ from, to }: Options): Window {
  const window = { from: instant(Date.parse(from)), to: instant(Date.parse(to)) }
  const days = (instantMs(window.to) - instantMs(window.from)) / 86_400_000
  if (days <= 0) throw wrong(`--to (${window.to}) is not after --from (${window.from}). Give a later end.`)
  if (days > MOST_DAYS) throw wrong(`From ${window.from} to ${window.to} are ${Math.round(days)} days. Ask for two years at most.`)
  return window
}

const wrong = (message: string) => new SyncError('CONFIG_OPTION', message, { scope: 'system', remedy: 'ask-human' })

/** Users by name or address; the CRM is only asked about names that the configuration does not have. */
export async function whoIs({ config, crm }: Connector, wanted: readonly string[]): Promise<readonly Asked[]> {
  const entryOf = (name: string) => config.users.find((one) => one.crm === name)
    ?? config.users.find((one) => [one.mailbox, ...one.aliases].some((address) => address.toLowerCase() === name.toLowerCase()))
  const isUnknown = wanted.some((name) => !name.includes('@') && entryOf(name) === undefined)
  const users = isUnknown ? await crm.users() : []
  return wanted.map((name) => {
    const entry = entryOf(name)
    if (entry !== undefined) return { user: entry.crm, mailbox: entry.mailbox.toLowerCase(), entry }
    if (name.includes('@')) return { user: null, mailbox: name.toLowerCase() }
    return { user: name, mailbox: users.find((user) => user.name === name)?.addresses[0] ?? null }
  })
}

async function askAll(connector: Connector, asked: readonly Asked[], window: Window): Promise<readonly Answer[]> {
  const parts = Map.groupBy(asked.filter(({ mailbox }) => mailbox !== null), (one) => connectionFor(connector, one))
  const found = new Map<string, MailboxAvailability>()
  for (const [connection, ones] of parts) {
    const addresses = [...new Set(ones.flatMap(({ mailbox }) => mailbox ?? []))]
    // One server that is down says nothing about the others.
    const answers = await ask(connector, connection, addresses, window).catch((thrown: unknown) => {
      const { code, message } = asSyncError(thrown)
      return addresses.map((address): MailboxAvailability => ({ address, blocks: [], error: { code, message } }))
    })
    for (const answer of answers) found.set(answer.address, answer)
  }
  return asked.map(({ user, mailbox }) => {
    const { blocks = [], error } = found.get(mailbox ?? '') ?? {}
    return { user, mailbox, blocks, error: error === undefined ? nobody(user) : error }
  })
}

const nobody = (user: string | null) => ({
  code: 'UNKNOWN_USER', message: `${user ?? ''} is no user of the configuration, and the CRM has no address of such a user. Check the name, or give the mailbox address.`,
})

/** Addresses that nobody connected are asked of the first server of the company's own. */
function connectionFor({ config }: Connector, { entry }: Asked): string {
  const own = entry === undefined ? undefined : connectionOf(config, entry)
  return (own ?? config.exchange.find(({ kind }) => kind === 'ews') ?? config.exchange[0])?.name ?? ''
}

/** As the first connected user whose mailbox answers, else as the account that signs in. */
async function ask(connector: Connector, name: string, addresses: readonly string[], window: Window): Promise<readonly MailboxAvailability[]> {
  const { config } = connector
  const askers: (UserConfig | null)[] = config.users.filter((user) => connectionOf(config, user)?.name === name).slice(0, MOST_ASKERS)
  if (askers.length === 0) askers.push(null)
  for (const [index, asker] of askers.entries()) {
    try {
      return await (await openAvailability(connector, name, asker, addresses[0] ?? ''))?.freeBusy(addresses, window) ?? []
    } catch (thrown) {
      const error = asSyncError(thrown)
      if (error.scope !== 'mailbox' || index === askers.length - 1) throw error
    }
  }
  return []
}

const MOST_ASKERS = 5

function print(answers: readonly Answer[]): void {
  const rows = answers.flatMap(({ user, mailbox, blocks, error }) => {
    const who = user ?? mailbox ?? ''
    if (error !== null) return [[who, '', '', `! ${error.message}`]]
    return blocks.length === 0 ? [[who, '', '', 'free']] : blocks.map(({ start, end, status }) => [who, start, end, WORDS[status]])
  })
  say(table(['user', 'from', 'to', ''], rows))
}

const WORDS = { tentative: 'tentative', busy: 'busy', oof: 'out of office', workingElsewhere: 'working elsewhere', noData: 'not known' } as const
