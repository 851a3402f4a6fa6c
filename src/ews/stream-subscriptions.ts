/** The subscriptions of one stream's mailboxes, all on the server that holds the stream. */
import { ITEM_KINDS } from '../model/index.ts'
import { asSyncError } from '../lib/errors.ts'
import type { SyncError } from '../lib/errors.ts'
import { groupOf } from './route.ts'
import { subscribe } from './operations/subscribe.ts'
import { unsubscribe } from './operations/unsubscribe.ts'
import type { Session } from './session.ts'
import type { StreamMember } from './stream-member.ts'
import type { StreamingParts } from './streaming.ts'
import type { CallExtras } from './transport.ts'

export interface SubscriptionOptions {
  readonly parts: Pick<StreamingParts, 'clock' | 'log'>
  /** The group of the stream; a mailbox that turns out to belong to another is handed back. */
  readonly group: string
  /** All mailboxes of the stream; read again at every look. */
  readonly members: ReadonlySet<StreamMember>
  onMoved(member: StreamMember): void
  pauseAfter(error: SyncError, failures: number): number
}

/** On the server. Its mailbox may have another one already, on another stream. */
export interface Subscription {
  readonly session: Session
  readonly id: string
}

export class StreamSubscriptions {
  readonly #options: SubscriptionOptions
  #cookie: string | undefined

  constructor(options: SubscriptionOptions) {
    this.#options = options
  }

  /** Another folder may have become the calendar since: its subscription would be deaf to the new one. */
  async checkFolders(): Promise<void> {
    await Promise.all([...this.#options.members].map(async (member) => {
      if (member.subscription === null) return
      const folders = await member.folders.synced().catch(() => null)
      if (folders !== null && ITEM_KINDS.some((kind) => !member.kinds.has(folders[kind].id))) await this.take(member)
    }))
  }

  /**
   * Everybody who has no subscription and is not waiting after a failure. One mailbox's trouble is not the others', but
   * a server that cannot be reached is not asked for all of them.
   * @returns how many have one now who had none
   */
  async subscribeAll(): Promise<number> {
    const now = this.#options.parts.clock.elapsedMs()
    const members = [...this.#options.members]
    const due = members.filter((member) => member.subscription === null && member.notBefore <= now)
    // What the cookie named may be gone; with nothing bound to it the next answer names a server anew.
    if (members.every((member) => member.subscription === null)) this.#cookie = undefined
    // The first answer brings the cookie that binds all of the group to one server.
    const [first, ...others] = due
    const trouble = first === undefined ? null : await this.#subscribe(first)
    if (trouble?.scope !== 'server') await Promise.all(others.map((member) => this.#subscribe(member)))
    else for (const member of others) member.notBefore = first?.notBefore ?? now
    return due.filter((member) => member.subscription !== null).length
  }

  async #subscribe(member: StreamMember): Promise<SyncError | null> {
    const { parts: { clock }, group, members, onMoved, pauseAfter } = this.#options
    const { session } = member
    try {
      const { event, task, contact } = await member.folders.synced()
      if (session.route.last !== null && groupOf(session.route.last) !== group) {
        onMoved(member)
        return null
      }
      const [result] = await session.call(subscribe, member.wide ? 'all' : [event, task, contact], this.affinity())
      if (result?.ok !== true) {
        member.folders.forget()
        throw session.error(subscribe, result?.failure ?? { code: 'NoAnswer', text: '' })
      }
      // Somewhere else by now, where it has a subscription of its own.
      if (!members.has(member)) {
        void this.end({ session, id: result.value })
        return null
      }
      member.kinds = new Map([[event.id, 'event'], [task.id, 'task'], [contact.id, 'contact']])
      member.subscription = result.value
      member.failures = 0
      session.log.debug({ mailbox: session.mailbox.id }, 'Subscribed to notifications')
      return null
    } catch (thrown) {
      const error = asSyncError(thrown)
      if (!members.has(member)) return null
      const pauseMs = pauseAfter(error, member.failures)
      member.failures += 1
      member.notBefore = clock.elapsedMs() + pauseMs
      session.log.warn({ mailbox: session.mailbox.id, code: error.code, pauseMs }, 'A mailbox could not be subscribed; it is tried again')
      return error
    }
  }

  /** Takes a subscription back. */
  take(member: StreamMember): Promise<void> {
    const id = member.subscription
    member.subscription = null
    return id === null ? Promise.resolve() : this.end({ session: member.session, id })
  }

  /** Best effort: a forgotten subscription dies by itself. */
  async end({ session, id }: Subscription): Promise<void> {
    await session.call(unsubscribe, id, this.affinity()).catch(() => undefined)
  }

  /** Everybody of the group is sent to the server of the alphabetically first mailbox, which the cookie remembers. */
  affinity(): CallExtras {
    const anchor = this.anchor()?.session.mailbox.address
    return {
      ...(anchor === undefined ? {} : { anchor }),
      ...(this.#cookie === undefined ? {} : { cookie: this.#cookie }),
      onCookies: (cookies) => {
        this.#cookie = cookies.map((cookie) => cookie.split(';')[0] ?? '').find((cookie) => /^X-BackEndOverrideCookie=/i.test(cookie)) ?? this.#cookie
      },
    }
  }

  anchor(): StreamMember | undefined {
    let anchor: StreamMember | undefined
    for (const member of this.#options.members) {
      if (anchor === undefined || member.session.mailbox.address < anchor.session.mailbox.address) anchor = member
    }
    return anchor
  }
}
