import type { Call } from './call.ts'
import { mailboxOfReference, resolveFolder } from './call.ts'
import { ResponseError } from './errors.ts'
import { folderId, folderIdXml, itemId, itemIdXml } from './ids.ts'
import type { ChangeEvent, Mailbox } from './model.ts'
import { attempt, success } from './soap.ts'
import { child, childText } from './xml.ts'
import { writeInstant } from './zones.ts'
import type { StreamConnection } from './streaming.ts'

export interface Subscription {
  id: string
  mailbox: Mailbox
  /** Folder serials; null means all folders. */
  folders: Set<number> | null
  /** Created, Modified, Deleted, Moved, Copied. */
  kinds: Set<string>
  /** Account that subscribed; only it may open the stream. */
  owner: string
  /** Value of the affinity cookie of the server that holds the subscription; null without affinity. */
  backend: string | null
  connection: StreamConnection | null
}

/** All streaming subscriptions, and the way from a change in the store to the open connections. */
export class Subscriptions {
  /** While true, events are thrown away as if the server had lost them. */
  losing = false
  readonly #byId = new Map<string, Subscription>()
  readonly #byMailbox = new Map<Mailbox, Set<Subscription>>()
  #count = 0

  add(subscription: Omit<Subscription, 'id' | 'connection'>): Subscription {
    const number = String(++this.#count).padStart(6, '0')
    const id = Buffer.from(
      `\u0016sim-backend.example.test\u0010${number}${subscription.mailbox.token.slice(0, 20)}`,
    ).toString('base64')
    const added = { ...subscription, id, connection: null }
    this.#byId.set(id, added)
    const siblings = this.#byMailbox.get(added.mailbox)
    if (siblings) siblings.add(added)
    else this.#byMailbox.set(added.mailbox, new Set([added]))
    return added
  }

  get(id: string): Subscription | undefined {
    return this.#byId.get(id)
  }

  get size(): number {
    return this.#byId.size
  }

  remove(subscription: Subscription): void {
    this.#byId.delete(subscription.id)
    const siblings = this.#byMailbox.get(subscription.mailbox)
    siblings?.delete(subscription)
    if (siblings?.size === 0) this.#byMailbox.delete(subscription.mailbox)
    subscription.connection?.lose(subscription)
  }

  /** Ends the subscriptions of a mailbox, or all. */
  kill(mailbox?: Mailbox): void {
    for (const subscription of [...this.#byId.values()]) {
      if (!mailbox || subscription.mailbox === mailbox) this.remove(subscription)
    }
  }

  /** Hands an event to the connections that wait for it; without an open connection it is lost for good. */
  publish(event: ChangeEvent): void {
    if (this.losing) return
    for (const subscription of this.#byMailbox.get(event.mailbox) ?? []) {
      if (!subscription.connection || !watches(subscription, event)) continue
      if (subscription.kinds.has(event.kind)) subscription.connection.queue(subscription, eventXml(event))
      if (event.item && subscription.kinds.has('Modified')) {
        subscription.connection.queue(subscription, folderModifiedXml(event))
      }
    }
  }
}

function watches(subscription: Subscription, event: ChangeEvent): boolean {
  if (!subscription.folders) return true
  return (
    subscription.folders.has(event.folder) || (event.old !== undefined && subscription.folders.has(event.old.folder))
  )
}

function eventXml({ kind, mailbox, at, item, folder, old }: ChangeEvent): string {
  const time = `<t:TimeStamp>${writeInstant(at)}</t:TimeStamp>`
  if (!item) {
    return (
      `<t:${kind}Event>${time}<t:FolderId Id="${folderId(mailbox, folder)}"/>` +
      `<t:ParentFolderId Id="${folderId(mailbox, old?.folder ?? 0)}"/></t:${kind}Event>`
    )
  }
  const from =
    kind === 'Moved' || kind === 'Copied'
      ? `<t:OldItemId Id="${itemId(mailbox, old?.serial ?? 0)}"/><t:OldParentFolderId Id="${folderId(mailbox, old?.folder ?? 0)}"/>`
      : ''
  return `<t:${kind}Event>${time}${itemIdXml(mailbox, item)}<t:ParentFolderId Id="${folderId(mailbox, folder)}"/>${from}</t:${kind}Event>`
}

/** Every change of an item also modifies its folder, and Exchange says so. */
function folderModifiedXml({ mailbox, at, folder }: ChangeEvent): string {
  const changed = mailbox.folders?.get(folder)
  if (!changed) return ''
  return (
    `<t:ModifiedEvent><t:TimeStamp>${writeInstant(at)}</t:TimeStamp>${folderIdXml(mailbox, changed)}` +
    `<t:ParentFolderId Id="${folderId(mailbox, changed.parent)}"/></t:ModifiedEvent>`
  )
}

/**
 * Makes a streaming subscription for the folders of one mailbox.
 * Documentation: https://learn.microsoft.com/exchange/client-developer/web-service-reference/subscribe-operation
 */
export function subscribe(call: Call, subscriptions: Subscriptions, backend: string | null): string[] {
  return [
    attempt('Subscribe', () => {
      const request = child(call.body, 'StreamingSubscriptionRequest')
      if (!request)
        throw new ResponseError('ErrorInvalidSubscriptionRequest', 'This server offers streaming subscriptions only.')
      const ids = child(request, 'FolderIds')?.children ?? []
      const toAll = request.attrs['SubscribeToAllFolders'] === 'true'
      const owners = new Set(ids.map((id) => mailboxOfReference(call, id)))
      if (owners.size > 1 || toAll === ids.length > 0) throw new ResponseError('ErrorInvalidSubscriptionRequest')
      const folders = toAll ? null : new Set(ids.map((id) => resolveFolder(call, id).serial))
      const kinds = new Set(
        child(request, 'EventTypes')?.children.map((type) => type.text.trim().replace(/Event$/, '')),
      )
      const { id } = subscriptions.add({ mailbox: call.mailbox, folders, kinds, owner: call.user, backend })
      return success('Subscribe', `<m:SubscriptionId>${id}</m:SubscriptionId>`)
    }),
  ]
}

/** Documentation: https://learn.microsoft.com/exchange/client-developer/web-service-reference/unsubscribe-operation */
export function unsubscribe(call: Call, subscriptions: Subscriptions): string[] {
  return [
    attempt('Unsubscribe', () => {
      const subscription = subscriptions.get(childText(call.body, 'SubscriptionId')?.trim() ?? '')
      if (!subscription) throw new ResponseError('ErrorSubscriptionNotFound')
      subscriptions.remove(subscription)
      return success('Unsubscribe')
    }),
  ]
}
