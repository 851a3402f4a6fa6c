import type { Switches, World } from './call.ts'
import type { PlainFields, PlainItem } from './desk.ts'
import { Desk } from './desk.ts'
import { folderId } from './ids.ts'
import type { Kind, Mailbox } from './model.ts'
import type { MailboxOptions } from './store.ts'

/** A copy of all mailboxes, to be put back later. */
export interface GraphSnapshot {
  mailboxes: Mailbox[]
}

/** What tests and people may do to the cloud besides talking to it. */
export interface Controls {
  items(address: string, folder?: string): PlainItem[]
  /** One occurrence of a series, by its date; null where it was cancelled or never was. */
  occurrence(address: string, id: string, date: string): Record<string, any> | null
  /** As a user in Outlook; `folder` is calendar, contacts, tasks, a folder id or display name. */
  putItem(address: string, folder: string, fields: PlainFields): PlainItem
  /** The id of an occurrence means that occurrence alone. */
  editItem(address: string, id: string, fields: PlainFields): PlainItem
  deleteItem(address: string, id: string): void
  /** The moved item: same immutable id, another ordinary one. */
  moveItem(address: string, id: string, folder: string): PlainItem
  /** Adds a calendar, contact folder or list; answers its id. */
  addFolder(address: string, options: { name: string; kind: Kind }): string
  addMailbox(options: MailboxOptions): void
  removeMailbox(address: string): void
  setPassword(address: string, password: string): void
  /** False: the user stays, his mailbox is not in the cloud any more. */
  setEnabled(address: string, enabled: boolean): void
  /** Removes all items; `silent` leaves no tombstones and sends no notifications, as after a lost database. */
  emptyMailbox(address: string, options?: { silent?: boolean }): void
  /** Same content, but every id is new and delta tokens are lost. */
  resetMailbox(address: string): void
  /** Delta tokens issued so far are answered with 410. */
  resetDeltaTokens(address?: string): void
  snapshot(): GraphSnapshot
  restore(snapshot: GraphSnapshot): void
  /** Confines applications to these mailboxes; null to all. */
  restrictApplication(addresses: string[] | null): void
  /** Application permissions from now on; tokens issued before keep theirs. */
  setRoles(roles: string[]): void
  /** Every request of everybody is answered with this status; null ends it. */
  outage(status: number | null): void
  setSwitches(switches: Partial<Switches>): void
  setLimits(limits: { concurrency?: number; requests?: number }): void
  /** How often each notification is sent; more than once is normal. */
  repeatNotifications(copies: number): void
  /** While on, notifications are lost; changes themselves are not. */
  loseNotifications(on: boolean): void
  removeSubscriptions(address?: string): void
  /** Sends a lifecycle notification to all subscriptions of a mailbox; answers how many were told. */
  lifecycle(address: string, event: 'reauthorizationRequired' | 'subscriptionRemoved' | 'missed'): number
}

export function controlsOf(world: World): Controls {
  const { store, subscriptions } = world
  const desk = new Desk(world)
  const some = (address?: string) => (address === undefined ? store.all() : [store.mailbox(address)])
  return {
    items: (address, folder) => desk.items(address, folder),
    occurrence: (address, id, date) => desk.occurrence(address, id, date),
    putItem: (address, folder, fields) => desk.put(address, folder, fields),
    editItem: (address, id, fields) => desk.edit(address, id, fields),
    deleteItem: (address, id) => desk.delete(address, id),
    moveItem: (address, id, folder) => desk.move(address, id, folder),
    addFolder(address, { name, kind }) {
      const mailbox = store.mailbox(address)
      return folderId(mailbox, store.addFolder(mailbox, kind, name, null))
    },
    addMailbox: (options) => void store.addMailbox(options),
    removeMailbox(address) {
      for (const one of subscriptions.all()) if (one.mailbox === store.mailbox(address)) subscriptions.remove(one.id)
      store.removeMailbox(address)
    },
    setPassword(address, password) {
      const mailbox = store.mailbox(address)
      mailbox.password = password
      // Entra voids what was granted under the old password.
      world.entra.revokeRefreshTokens(address)
    },
    setEnabled(address, enabled) {
      store.mailbox(address).enabled = enabled
    },
    emptyMailbox(address, { silent = false } = {}) {
      const mailbox = store.mailbox(address)
      if (silent) mailbox.items.clear()
      else for (const item of [...mailbox.items.values()]) store.remove(mailbox, item)
    },
    resetMailbox: (address) => store.renewIds(store.mailbox(address)),
    resetDeltaTokens(address) {
      for (const mailbox of some(address)) mailbox.epoch += 1
    },
    snapshot: () => structuredClone({ mailboxes: store.all() }),
    restore: (snapshot) => store.restore(structuredClone(snapshot.mailboxes)),
    restrictApplication(addresses) {
      world.applicationScope = addresses === null ? null : new Set(addresses.map((address) => address.toLowerCase()))
    },
    setRoles(roles) {
      world.entra.application.roles = roles
    },
    outage(status) {
      world.outage = status
    },
    setSwitches(switches) {
      const unknown = Object.keys(switches).find((name) => !(name in world.switches))
      if (unknown !== undefined) throw new Error(`There is no switch ${unknown}. Existing: ${Object.keys(world.switches).join(', ')}.`)
      Object.assign(world.switches, switches)
    },
    setLimits: (limits) => void Object.assign(world.throttle, limits),
    repeatNotifications(copies) {
      subscriptions.copies = copies
    },
    loseNotifications(on) {
      subscriptions.lose = on
    },
    removeSubscriptions(address) {
      for (const one of subscriptions.all())
        if (address === undefined || one.mailbox === store.mailbox(address)) subscriptions.remove(one.id)
    },
    lifecycle(address, event) {
      const mailbox = store.mailbox(address)
      return subscriptions.all().filter((one) => one.mailbox === mailbox && subscriptions.lifecycle(one.id, event)).length
    },
  }
}
