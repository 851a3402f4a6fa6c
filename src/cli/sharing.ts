import { Option } from 'commander'
import type { Command } from 'commander'
import { SyncError } from '../lib/errors.ts'
import { openSharing } from '../main.ts'
import type { Connector } from '../main.ts'
import type { Sharing, SharingEntry, SharingLevel, SharingOutcome } from '../ports.ts'
import { whoIs } from './availability.ts'
import { EXIT, printJson, say, table } from './output.ts'
import { withConnector } from './session.ts'
import type { CommonOptions } from './session.ts'

interface Options extends CommonOptions {
  readonly user: string
  readonly give?: string
  readonly remove?: string
  readonly level: SharingLevel
  readonly force?: boolean
}

export function sharingCommand(command: Command): void {
  command
    .description('who sees what of a calendar in Exchange; gives and takes free/busy permissions')
    .requiredOption('--user <name>', 'whose calendar: CRM user name or mailbox address')
    .option('--give <colleague>', 'lets a colleague see the calendar, and nobody else')
    .addOption(new Option('--level <level>', 'availability: free and busy times; details: subjects and places too').choices(['availability', 'details']).default('availability'))
    .addOption(new Option('--remove <colleague>', 'takes that permission away').conflicts('give'))
    .option('--force', 'also take away what the colleague has beyond free/busy')
    .action(async (options: Options) => {
      await withConnector(options, async (connector) => {
        const { mailbox, sharing } = await open(connector, options.user)
        const colleague = await addressOf(connector, options.give ?? options.remove)
        if (colleague === null) {
          const entries = await sharing.list()
          if (options.json === true) printJson({ ok: true, user: options.user, mailbox, entries })
          else printEntries(entries)
          return EXIT.done
        }
        const force = options.force === true
        const outcome = await (options.give === undefined ? sharing.remove(colleague, force) : sharing.give(colleague, options.level, force))
        const ok = outcome.type !== 'refused'
        const message = sentence(outcome, options, mailbox, colleague)
        if (options.json === true) printJson({ ok, user: options.user, mailbox, colleague, outcome: outcome.type, message, before: outcome.before, entries: outcome.entries })
        else {
          say(`${message}\n`)
          printEntries(outcome.entries)
        }
        return ok ? EXIT.done : EXIT.failed
      })
    })
}

/** Only calendars that are connected: for others nobody gave the connector a right. */
async function open(connector: Connector, name: string): Promise<{ mailbox: string; sharing: Sharing }> {
  const [{ entry } = { entry: undefined }] = await whoIs(connector, [name])
  const sharing = entry === undefined ? null : await openSharing(connector, entry)
  if (entry === undefined || sharing === null) throw wrong(`${name} has no connected mailbox. Add the user under "users" in the configuration.`)
  return { mailbox: entry.mailbox, sharing }
}

async function addressOf(connector: Connector, name: string | undefined): Promise<string | null> {
  if (name === undefined) return null
  const [asked] = await whoIs(connector, [name])
  if (asked?.mailbox == null) throw wrong(`Nobody knows the mailbox of ${name}: neither the configuration nor the CRM has an address. Give the address.`)
  return asked.mailbox
}

const wrong = (message: string) => new SyncError('CONFIG_OPTION', message, { scope: 'system', remedy: 'ask-human' })

const WORDS: Readonly<Record<SharingEntry['level'], string>> = {
  none: 'nothing', availability: 'free and busy times', details: 'times, subjects and places', more: 'more than that',
}

function sentence({ type, before, entries }: SharingOutcome, { give, level }: Options, mailbox: string, colleague: string): string {
  const had = before === null ? 'no permission of their own' : `${WORDS[before.level]} (${before.role})`
  if (type === 'refused') {
    return `${colleague} has more than that on the calendar of ${mailbox}: ${had}. Nothing was changed; --force takes it away.`
  }
  if (give !== undefined) {
    return type === 'unchanged' ? `${colleague} sees ${WORDS[level]} of ${mailbox} already.` : `${colleague} sees ${WORDS[level]} of ${mailbox} now; before: ${had}.`
  }
  const everybody = entries.find((entry) => entry.type === 'default')
  const left = before !== null && type === 'unchanged' ? '' : ` What everybody sees is left: ${WORDS[everybody?.level ?? 'none']}.`
  return type === 'unchanged' ? `${colleague} has nothing to take away on the calendar of ${mailbox}: ${had}.${left}` : `${colleague} has no permission on the calendar of ${mailbox} any more; before: ${had}.${left}`
}

const NAMES = { default: '(everybody inside)', anonymous: '(everybody outside)', unknown: '(an account that is gone)' } as const

function printEntries(entries: readonly SharingEntry[]): void {
  say(table(['who', 'name', 'sees', 'in Exchange'], entries.map((entry) => [
    entry.type === 'user' ? entry.address : NAMES[entry.type], entry.name, WORDS[entry.level], entry.role,
  ])))
}
