import { openAvailability as openServer } from '../main.ts'
import type { Connector } from '../main.ts'
import { instant } from '../model/index.ts'
import type { Mailbox, MailboxId, Window } from '../model/index.ts'
import { isShared } from './mailboxes.ts'
import type { Station } from './station.ts'
import { mailboxOf } from './viewer.ts'
import type { Viewer } from './viewer.ts'

interface Block {
  readonly start: string
  readonly end: string
  readonly freeBusy: string
  readonly allDay: boolean
}
export interface PersonBusy {
  readonly id: string
  readonly name: string
  readonly fullName: string
  /** `server`: as Exchange says now; `synchronised`: as far as the calendar is kept in step. */
  readonly source: 'server' | 'synchronised'
  readonly blocks: readonly Block[]
}

/** The page does not wait longer for a server; the calendars in step are known anyway. */
const PATIENCE_MS = 4000

/** When who is taken: as the servers say, else from the calendars kept in step. Times and how taken, never words. */
export function openAvailability(station: Station) {
  return {
    async team(viewer: Viewer, { from, to, search, offset, limit }: { from: string; to: string; search?: string | undefined; offset: number; limit: number }): Promise<{ total: number; rows: readonly PersonBusy[] }> {
      const { connector } = station.need()
      const users = await connector.crm.users()
      const needle = (search ?? '').toLowerCase()
      const own = mailboxOf(station, viewer)
      const people = connector.directory().mailboxes
        .filter((mailbox) => viewer.admin || mailbox.id === own)
        .map((mailbox) => ({ mailbox, user: users.find(({ id }) => id === mailbox.userId) }))
        .filter(({ mailbox, user }) => `${mailbox.user} ${user?.fullName ?? ''}`.toLowerCase().includes(needle))
        .sort((left, right) => (left.mailbox.user < right.mailbox.user ? -1 : 1))
      const page = people.slice(offset, offset + limit)
      const mailboxes = page.map(({ mailbox }) => mailbox)
      const window = { from: instant(Date.parse(from)), to: instant(Date.parse(to)) }
      const [told, kept] = await Promise.all([
        askServers(connector, mailboxes, window),
        station.store.panel.views.busy(mailboxes.map(({ id }) => id), new Date(from), new Date(to)),
      ])
      return {
        total: people.length,
        rows: page.map(({ mailbox, user }) => {
          const server = told.get(mailbox.id)
          const blocks = server ?? kept.filter(({ lane, freeBusy }) => lane === mailbox.id && freeBusy !== 'free').map(({ start, end, freeBusy, allDay }) => ({ start, end, freeBusy, allDay }))
          return { id: mailbox.userId, name: mailbox.user, fullName: user?.fullName || mailbox.user, source: server === undefined ? ('synchronised' as const) : ('server' as const), blocks }
        }),
      }
    },
  }
}

/** Where an account of the company may ask for everybody; what gives no answer in time is left out. */
async function askServers(connector: Connector, mailboxes: readonly Mailbox[], window: Window): Promise<ReadonlyMap<MailboxId, readonly Block[]>> {
  const told = new Map<MailboxId, readonly Block[]>()
  const asked = [...Map.groupBy(mailboxes, ({ connection }) => connection)].map(async ([name, group]) => {
    const connection = connector.config.exchange.find((one) => one.name === name)
    if (connection === undefined || !isShared(connection)) return
    const asker = connector.config.users.find(({ mailbox }) => mailbox.toLowerCase() === group[0]?.address) ?? null
    const answers = await (await openServer(connector, name, asker, group[0]?.address ?? ''))?.freeBusy(group.map(({ address }) => address), window) ?? []
    for (const [at, answer] of answers.entries()) {
      const mailbox = group[at]
      if (mailbox === undefined || answer.error !== null) continue
      told.set(mailbox.id, answer.blocks.filter(({ status }) => status !== 'noData').map(({ start, end, status }) => ({ start, end, freeBusy: status, allDay: false })))
    }
  })
  const late = new Promise<void>((resolve) => setTimeout(resolve, PATIENCE_MS).unref())
  await Promise.race([Promise.allSettled(asked), late])
  return told
}
