/** Free times and sharing of calendars, wherever the mailbox is. */
import { connectionOf } from '../config.ts'
import type { UserConfig } from '../config.ts'
import type { Connector } from '../main.ts'
import { assigneeId } from '../model/index.ts'
import type { Mailbox } from '../model/index.ts'
import type { Availability, Sharing } from '../ports.ts'
import { credentialsOf, laneOf, mailboxIdOf } from './directory.ts'

/** The mailbox of a user of the configuration under the id it has, whatever it was called before: its tokens are kept under that. */
async function mailboxOf({ store }: Connector, entry: UserConfig, connection: string): Promise<Mailbox> {
  const lane = laneOf(await store.transaction((tx) => tx.lanes()), entry)
  const address = entry.mailbox.toLowerCase()
  return { id: lane?.lane ?? mailboxIdOf(address), address, user: entry.crm, userId: lane?.mailbox?.userId ?? assigneeId(''), connection, zone: 'UTC' }
}

/** @returns null where no connection is known for the user */
export async function openSharing(connector: Connector, entry: UserConfig): Promise<Sharing | null> {
  const connection = connectionOf(connector.config, entry)
  if (connection === undefined) return null
  const { name, kind } = connection
  if (kind === 'graph') return connector.graph(name)?.sharing(await mailboxOf(connector, entry, name)) ?? null
  return connector.connection(name).sharing(entry.mailbox, credentialsOf(entry))
}

/** @param asker who asks; null asks as the account that signs in, or in the cloud as `about` themselves */
export async function openAvailability(connector: Connector, name: string, asker: UserConfig | null, about: string): Promise<Availability | null> {
  const kind = connector.config.exchange.find((one) => one.name === name)?.kind
  if (kind === undefined) return null
  if (kind === 'ews') return connector.connection(name).availability(asker?.mailbox ?? null, credentialsOf(asker ?? undefined))
  const mailbox = asker === null ? { id: mailboxIdOf(about), address: about, user: '', userId: assigneeId(''), connection: name, zone: 'UTC' } : await mailboxOf(connector, asker, name)
  return connector.graph(name)?.availability(mailbox) ?? null
}
