import { mailboxOf } from './viewer.ts'
import type { Viewer } from './viewer.ts'
import type { Station } from './station.ts'

export interface PersonBusy {
  readonly id: string
  readonly name: string
  readonly fullName: string
  readonly blocks: readonly { readonly start: string; readonly end: string; readonly freeBusy: string; readonly allDay: boolean }[]
}

/** When who is taken, from the calendars kept in step: times and how taken, never words. */
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
      const blocks = await station.store.panel.views.busy(page.map(({ mailbox }) => mailbox.id), new Date(from), new Date(to))
      return {
        total: people.length,
        rows: page.map(({ mailbox, user }) => ({
          id: mailbox.userId, name: mailbox.user, fullName: user?.fullName ?? mailbox.user,
          blocks: blocks.filter(({ lane, freeBusy }) => lane === mailbox.id && freeBusy !== 'free').map(({ start, end, freeBusy, allDay }) => ({ start, end, freeBusy, allDay })),
        })),
      }
    },
  }
}
