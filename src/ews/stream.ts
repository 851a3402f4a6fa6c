import { ITEM_KINDS, itemId } from '../model/index.ts'
import type { ItemId, ItemKind, MailboxId } from '../model/index.ts'
import { SyncError, asSyncError } from '../lib/errors.ts'
import { fromFailure, isDeadSubscription } from './errors.ts'
import { groupOf } from './route.ts'
import { getStreamingEvents } from './operations/get-streaming-events.ts'
import type { StreamEvent, StreamMessage } from './operations/get-streaming-events.ts'
import { subscribe } from './operations/subscribe.ts'
import { unsubscribe } from './operations/unsubscribe.ts'
import { sleepReal, untilAborted } from './stream-member.ts'
import type { StreamMember } from './stream-member.ts'
import { StreamParser } from './stream-parser.ts'
import type { StreamingOptions, StreamingParts } from './streaming.ts'
import type { CallExtras, Transport } from './transport.ts'

/** Why the reading of a stream ended. */
type Ending = 'closed' | 'reopen' | 'silent' | 'cut'

/** How long an undisturbed stream's recruiter sleeps; a newcomer wakes it. */
const IDLE_MS = 60 * 60_000
/** The longest that stopping waits for the server to hear about it. */
const GOODBYE_MS = 400
const REFUSALS_BEFORE_ALONE = 2
/** More names than this in one hint help nobody: the pull tells them. */
const MOST_NAMED = 1_000

/** What a stream carries: mailboxes of one server and group. */
export interface StreamTarget {
  readonly group: string
  readonly transport: Transport
  readonly capacity: number
}
export interface StreamOwner {
  /** The member is to be put elsewhere: its subscriptions are refused here, or its mailbox is on another server. */
  expel(member: StreamMember, why: 'refused' | 'moved'): void
}

/**
 * One streaming connection and the loop that keeps it open:
 * subscribe who is not -> open -> ring for all -> listen -> (closed, new member, silence, error) -> again.
 */
export class Stream {
  readonly #parts: StreamingParts
  readonly #target: StreamTarget
  readonly #owner: StreamOwner
  readonly #members = new Set<StreamMember>()
  readonly #stopping = new AbortController()
  #online = new Set<StreamMember>()
  /** Gone from the open stream, but not unsubscribed yet: ending one subscription ends the stream of all. */
  readonly #leaving = new Set<StreamMember>()
  #loop: Promise<void> | undefined
  /** Ends the listening so that the stream is opened again, or the sleep before it. */
  #interrupt = new AbortController()
  #recruiter: AbortController | undefined
  #cookie: string | undefined
  #failures = 0

  constructor(parts: StreamingParts, target: StreamTarget, owner: StreamOwner) {
    this.#parts = parts
    this.#target = target
    this.#owner = owner
  }

  get group(): string {
    return this.#target.group
  }

  get capacity(): number {
    return this.#target.capacity
  }

  get size(): number {
    return this.#members.size
  }

  connected(): MailboxId[] {
    return [...this.#online].map(({ session }) => session.mailbox.id)
  }

  add(member: StreamMember): void {
    this.#members.add(member)
    this.#loop ??= this.#run()
    this.#wakeRecruiter()
  }

  remove(member: StreamMember): void {
    if (!this.#members.delete(member)) return
    clearTimeout(member.timer)
    if (this.#online.delete(member) && this.#members.size > 0) this.#leaving.add(member)
    else void this.#unsubscribe(member)
  }

  /** Closes the socket at once; the server is told if it listens. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#interrupt.abort()
    const members = [...this.#members, ...this.#leaving]
    for (const member of members) clearTimeout(member.timer)
    const goodbye = Promise.all(members.map((member) => this.#unsubscribe(member)))
    this.#members.clear()
    this.#online.clear()
    await Promise.race([goodbye, sleepReal(GOODBYE_MS)])
    await Promise.race([this.#loop, sleepReal(GOODBYE_MS)])
  }

  async #run(): Promise<void> {
    // Mailboxes that are added together are subscribed together.
    await this.#pause(this.#target.capacity > 1 ? this.#parts.options.collectMs : 0)
    while (!this.#stopping.signal.aborted && this.#members.size > 0) {
      try {
        await this.#checkFolders()
        await this.#subscribeAll()
        const ready = [...this.#members].filter((member) => member.subscription !== null)
        if (ready.length === 0) await this.#pause(this.#untilNextAttempt() ?? this.#backOff(this.#failures))
        else await this.#listen(ready)
      } catch (thrown) {
        if (this.#stopping.signal.aborted) break
        const error = asSyncError(thrown)
        const pauseMs = this.#pauseAfter(error, this.#failures)
        this.#failures += 1
        this.#parts.log.warn({ code: error.code, mailboxes: this.#members.size, pauseMs }, 'The notification stream broke; it is opened again')
        await this.#pause(pauseMs)
      }
    }
    this.#loop = undefined
  }

  /** Another folder may have become the calendar since: its subscription would be deaf to the new one. */
  async #checkFolders(): Promise<void> {
    await Promise.all([...this.#members].map(async (member) => {
      if (member.subscription === null) return
      const folders = await member.folders.synced().catch(() => null)
      if (folders !== null && ITEM_KINDS.some((kind) => !member.kinds.has(folders[kind].id))) await this.#unsubscribe(member)
    }))
  }

  /**
   * Everybody who has no subscription and is not waiting after a failure. One mailbox's trouble is not the others'.
   * @returns how many have one now who had none
   */
  async #subscribeAll(): Promise<number> {
    const now = this.#parts.clock.elapsedMs()
    const due = [...this.#members].filter((member) => member.subscription === null && member.notBefore <= now)
    // The first answer brings the cookie that binds all of the group to one server.
    const [first, ...others] = due
    if (first !== undefined) await this.#subscribeOne(first)
    await Promise.all(others.map((member) => this.#subscribeOne(member)))
    return due.filter((member) => member.subscription !== null).length
  }

  async #subscribeOne(member: StreamMember): Promise<void> {
    const { session } = member
    try {
      const { event, task, contact } = await member.folders.synced()
      if (session.route.last !== null && groupOf(session.route.last) !== this.#target.group) return this.#owner.expel(member, 'moved')
      const [result] = await session.call(subscribe, member.wide ? 'all' : [event, task, contact], this.#affinity())
      if (result?.ok !== true) {
        member.folders.forget()
        throw session.error(subscribe, result?.failure ?? { code: 'NoAnswer', text: '' })
      }
      member.kinds = new Map([[event.id, 'event'], [task.id, 'task'], [contact.id, 'contact']])
      member.subscription = result.value
      member.failures = 0
      session.log.debug({ mailbox: session.mailbox.id }, 'Subscribed to notifications')
      if (!this.#members.has(member)) void this.#unsubscribe(member)
    } catch (thrown) {
      const error = asSyncError(thrown)
      const pauseMs = this.#pauseAfter(error, member.failures)
      member.failures += 1
      member.notBefore = this.#parts.clock.elapsedMs() + pauseMs
      session.log.warn({ mailbox: session.mailbox.id, code: error.code, pauseMs }, 'A mailbox could not be subscribed; it is tried again')
    }
  }

  async #listen(members: readonly StreamMember[]): Promise<void> {
    this.#interrupt = new AbortController()
    const interrupt = this.#interrupt
    const signal = AbortSignal.any([interrupt.signal, this.#stopping.signal])
    const request = { subscriptions: members.flatMap(({ subscription }) => subscription ?? []), minutes: this.#parts.options.connectionMinutes }
    const caller = (this.#anchor() ?? members[0])?.session.caller
    if (caller === undefined) return
    const stream = await this.#target.transport.stream(getStreamingEvents, request, caller, { ...this.#affinity(), signal })
      .catch((error: unknown) => {
        if (signal.aborted) return null
        throw error
      })
    if (stream === null) return
    const over = new AbortController()
    void this.#recruit(AbortSignal.any([over.signal, signal]), interrupt)
    try {
      const ending = await this.#read(stream.chunks, members, signal)
      this.#parts.log.debug({ ending, mailboxes: members.length }, 'A notification stream ended')
      if (ending === 'silent' || ending === 'cut') await this.#pause(this.#backOff(this.#failures++))
    } finally {
      over.abort()
      this.#online = new Set()
      await stream.close()
      for (const member of this.#leaving) void this.#unsubscribe(member)
      this.#leaving.clear()
    }
  }

  /**
   * Subscribes newcomers, and those whose subscribing failed, beside the open stream; only success interrupts it.
   * Otherwise one mailbox that cannot be subscribed would keep all others deaf.
   */
  async #recruit(over: AbortSignal, interrupt: AbortController): Promise<void> {
    while (!over.aborted) {
      this.#recruiter = new AbortController()
      const wake = AbortSignal.any([over, this.#recruiter.signal])
      await this.#parts.clock.sleep(this.#untilNextAttempt() ?? IDLE_MS, wake).catch(() => undefined)
      if (over.aborted) return
      // Mailboxes that come together are taken in together.
      await this.#parts.clock.sleep(this.#parts.options.collectMs, over).catch(() => undefined)
      if (over.aborted) return
      if ((await this.#subscribeAll()) > 0) interrupt.abort()
    }
  }

  #wakeRecruiter(): void {
    this.#recruiter?.abort()
  }

  async #read(chunks: AsyncIterable<Buffer>, members: readonly StreamMember[], signal: AbortSignal): Promise<Ending> {
    const parser = new StreamParser()
    const silence = new AbortController()
    const watchdog = setTimeout(() => silence.abort(), this.#parts.options.watchdogMs)
    const over = AbortSignal.any([signal, silence.signal])
    try {
      for await (const chunk of untilAborted(chunks, over)) {
        for (const envelope of parser.push(chunk)) {
          watchdog.refresh()
          if (envelope.type === 'fault') throw fromFailure(envelope.fault, this.#context())
          const messages = getStreamingEvents.decode(envelope.reply)
          if (messages.map((message) => this.#handle(message, members)).includes('over')) return 'closed'
        }
      }
      return silence.signal.aborted ? 'silent' : signal.aborted ? 'reopen' : 'cut'
    } catch (error) {
      if (silence.signal.aborted) return 'silent'
      if (signal.aborted) return 'reopen'
      // A socket that breaks is told apart from an answer that makes no sense only by the log.
      this.#parts.log.debug({ error: error instanceof Error ? error.message : String(error) }, 'A notification stream broke off')
      if (error instanceof SyncError) throw error
      return 'cut'
    } finally {
      clearTimeout(watchdog)
    }
  }

  #handle(message: StreamMessage, members: readonly StreamMember[]): 'on' | 'over' {
    const bySubscription = new Map(members.map((member) => [member.subscription, member]))
    for (const { subscription, events } of message.notifications) {
      const member = bySubscription.get(subscription)
      if (member !== undefined) this.#hear(member, events)
    }
    if (message.deadSubscriptions.length > 0) {
      // The good ones get nothing on this stream any more (Exchange), so it is opened again without the dead.
      for (const id of message.deadSubscriptions) this.#refuse(bySubscription.get(id))
      return 'over'
    }
    if (message.failure !== null) {
      if (!isDeadSubscription(message.failure)) throw fromFailure(message.failure, this.#context())
      this.#cookie = undefined
      for (const member of members) this.#refuse(member)
      return 'over'
    }
    if (this.#online.size === 0) this.#opened(members)
    return message.closed ? 'over' : 'on'
  }

  #hear(member: StreamMember, events: readonly StreamEvent[]): void {
    const ours = member.wide ? events.filter(({ folders }) => folders.some((id) => member.kinds.has(id))) : events
    if (ours.length === 0) return
    const kinds = ours.flatMap(({ folders }) => folders.flatMap((id) => member.kinds.get(id) ?? []))
    // A folder id we do not know in a subscription to known folders: better one pull too many.
    this.#ring(member, kinds.length > 0 ? kinds : ITEM_KINDS, ours.flatMap(({ items }) => items.map(itemId)))
    if (!member.wide && ours.every(({ items }) => items.length === 0)) this.#widen(member)
  }

  /**
   * gromox 3.1 names a changed item only in a subscription to all folders, and tells the change of an occurrence in no
   * other way. The old subscription is left to die: ending it would end the stream of all.
   */
  #widen(member: StreamMember): void {
    member.wide = true
    member.subscription = null
    this.#wakeRecruiter()
  }

  /** The first good envelope: whatever happened before it was not heard. */
  #opened(members: readonly StreamMember[]): void {
    this.#failures = 0
    this.#online = new Set(members.filter((member) => this.#members.has(member)))
    for (const member of this.#online) {
      member.refused = 0
      this.#ring(member, ITEM_KINDS)
    }
  }

  #refuse(member: StreamMember | undefined): void {
    if (member === undefined) return
    member.subscription = null
    member.refused += 1
    this.#parts.log.debug({ mailbox: member.session.mailbox.id, refused: member.refused }, 'The subscription of a mailbox is gone; it is made anew')
    if (member.refused < REFUSALS_BEFORE_ALONE) return
    if (this.#target.capacity > 1 && this.#members.size > 1) {
      member.refused = 0
      this.#owner.expel(member, 'refused')
    } else {
      member.notBefore = this.#parts.clock.elapsedMs() + this.#backOff(member.refused - REFUSALS_BEFORE_ALONE)
    }
  }

  #ring(member: StreamMember, kinds: readonly ItemKind[], items: readonly ItemId[] = []): void {
    for (const kind of kinds) member.ringing.add(kind)
    for (const item of items) if (member.named.size < MOST_NAMED) member.named.add(item)
    member.timer ??= setTimeout(() => {
      member.timer = undefined
      const rung = ITEM_KINDS.filter((kind) => member.ringing.has(kind))
      const named = [...member.named]
      member.ringing.clear()
      member.named.clear()
      if (!this.#members.has(member)) return
      if (named.length > 0) member.onHint(rung, named)
      else member.onHint(rung)
    }, this.#parts.options.debounceMs)
  }

  async #unsubscribe(member: StreamMember): Promise<void> {
    const id = member.subscription
    member.subscription = null
    if (id === null) return
    // Best effort: a forgotten subscription dies by itself.
    await member.session.call(unsubscribe, id, this.#affinity()).catch(() => undefined)
  }

  /** Everybody of the group is sent to the server of the alphabetically first mailbox, which the cookie remembers. */
  #affinity(): CallExtras {
    const anchor = this.#anchor()?.session.mailbox.address
    return {
      ...(anchor === undefined ? {} : { anchor }),
      ...(this.#cookie === undefined ? {} : { cookie: this.#cookie }),
      onCookies: (cookies) => {
        this.#cookie = cookies.map((cookie) => cookie.split(';')[0] ?? '').find((cookie) => /^X-BackEndOverrideCookie=/i.test(cookie)) ?? this.#cookie
      },
    }
  }

  #anchor(): StreamMember | undefined {
    let anchor: StreamMember | undefined
    for (const member of this.#members) {
      if (anchor === undefined || member.session.mailbox.address < anchor.session.mailbox.address) anchor = member
    }
    return anchor
  }

  #context() {
    const caller = this.#anchor()?.session.caller ?? { mailbox: '', credentials: { username: '', password: '' } }
    return this.#target.transport.context(getStreamingEvents, caller)
  }

  #untilNextAttempt(): number | undefined {
    const waiting = [...this.#members].filter((member) => member.subscription === null)
    if (waiting.length === 0) return undefined
    return Math.max(1, Math.min(...waiting.map(({ notBefore }) => notBefore)) - this.#parts.clock.elapsedMs())
  }

  #pauseAfter(error: SyncError, failures: number): number {
    return error.retryAfterMs ?? (error.remedy === 'ask-human' ? this.#parts.options.askHumanMs : this.#backOff(failures))
  }

  #backOff(failures: number): number {
    return backOff(this.#parts.options, failures)
  }

  async #pause(ms: number): Promise<void> {
    if (ms <= 0) return
    this.#interrupt = new AbortController()
    const signal = AbortSignal.any([this.#interrupt.signal, this.#stopping.signal])
    await this.#parts.clock.sleep(ms, signal).catch(() => undefined)
  }
}

/** Doubles with every failure, and differs from stream to stream so that they do not come back together. */
export function backOff({ backOffMs: [first, longest] }: StreamingOptions, failures: number): number {
  return Math.round(Math.min(longest, first * 2 ** Math.min(failures, 16)) * (0.75 + Math.random() * 0.25))
}
