import { ITEM_KINDS } from '../model/index.ts'
import type { MailboxId } from '../model/index.ts'
import { SyncError, asSyncError } from '../lib/errors.ts'
import { hear, ring, silence } from './doorbell.ts'
import { fromFailure, isDeadSubscription } from './errors.ts'
import { getStreamingEvents } from './operations/get-streaming-events.ts'
import type { StreamMessage } from './operations/get-streaming-events.ts'
import { REFUSALS_BEFORE_APART, mayComeBack } from './stream-apart.ts'
import { sleepReal, untilAborted } from './stream-member.ts'
import type { StreamMember } from './stream-member.ts'
import { StreamParser } from './stream-parser.ts'
import { StreamSubscriptions } from './stream-subscriptions.ts'
import type { Subscription } from './stream-subscriptions.ts'
import type { StreamingOptions, StreamingParts } from './streaming.ts'
import type { Transport } from './transport.ts'

/** Why the reading of a stream ended. */
type Ending = 'closed' | 'refused' | 'reopen' | 'silent' | 'cut'

/** How long an undisturbed stream's recruiter sleeps; a newcomer wakes it. */
const IDLE_MS = 60 * 60_000
/** The longest that stopping waits for the server to hear about it. */
const GOODBYE_MS = 400
const FAILURES_BEFORE_ANEW = 3

/** What a stream carries: mailboxes of one server and group. */
export interface StreamTarget {
  readonly group: string
  readonly transport: Transport
  readonly capacity: number
}
export interface StreamOwner {
  /** The member turned out to be on another server. */
  moved(member: StreamMember): void
  /** Refused together, twice in a row. */
  refused(members: readonly StreamMember[]): void
  /** Apart for long enough to try with the others. */
  back(member: StreamMember): void
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
  readonly #subscriptions: StreamSubscriptions
  readonly #stopping = new AbortController()
  #online = new Set<StreamMember>()
  /** Of those who left the open stream: ending one subscription ends the stream of all. */
  readonly #leaving = new Set<Subscription>()
  #apart: boolean
  #loop: Promise<void> | undefined
  /** Ends the listening so that the stream is opened again, or the sleep before it. */
  #interrupt = new AbortController()
  #recruiter: AbortController | undefined
  #failures = 0

  /** @param apart for mailboxes that were refused among others: nobody else is to come */
  constructor(parts: StreamingParts, target: StreamTarget, owner: StreamOwner, apart = false) {
    this.#parts = parts
    this.#target = target
    this.#owner = owner
    this.#apart = apart
    this.#subscriptions = new StreamSubscriptions({
      parts, group: target.group, members: this.#members,
      onMoved: (member) => { owner.moved(member) },
      pauseAfter: (error, failures) => this.#pauseAfter(error, failures),
    })
  }

  get target(): StreamTarget {
    return this.#target
  }

  get size(): number {
    return this.#members.size
  }

  get apart(): boolean {
    return this.#apart
  }

  /** Its mailboxes have been served well: others may come. */
  share(): void {
    this.#apart = false
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
    silence(member)
    const { session, subscription: id } = member
    member.subscription = null
    const heard = this.#online.delete(member)
    if (id === null) return
    if (heard && this.#members.size > 0) this.#leaving.add({ session, id })
    else void this.#subscriptions.end({ session, id })
  }

  /** Closes the socket at once; the server is told if it listens. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#interrupt.abort()
    for (const member of this.#members) silence(member)
    const goodbye = Promise.all([
      ...[...this.#members].map((member) => this.#subscriptions.take(member)), ...[...this.#leaving].map((one) => this.#subscriptions.end(one)),
    ])
    this.#members.clear()
    this.#leaving.clear()
    this.#online.clear()
    await Promise.race([goodbye, sleepReal(GOODBYE_MS)])
    await Promise.race([this.#loop, sleepReal(GOODBYE_MS)])
  }

  async #run(): Promise<void> {
    // Mailboxes that are added together are subscribed together.
    await this.#pause(this.#target.capacity > 1 ? this.#parts.options.collectMs : 0)
    while (!this.#stopping.signal.aborted && this.#members.size > 0) {
      try {
        await this.#subscriptions.checkFolders()
        await this.#subscriptions.subscribeAll()
        const ready = [...this.#members].filter((member) => member.subscription !== null)
        if (ready.length === 0) await this.#pause(this.#untilNextAttempt() ?? this.#backOff(this.#failures))
        else await this.#listen(ready)
      } catch (thrown) {
        if (this.#stopping.signal.aborted) break
        const error = asSyncError(thrown)
        const pauseMs = this.#pauseAfter(error, this.#failed())
        this.#parts.log.warn({ code: error.code, mailboxes: this.#members.size, pauseMs }, 'The notification stream broke; it is opened again')
        await this.#pause(pauseMs)
      }
    }
    this.#loop = undefined
  }

  async #listen(members: readonly StreamMember[]): Promise<void> {
    this.#interrupt = new AbortController()
    const interrupt = this.#interrupt
    const signal = AbortSignal.any([interrupt.signal, this.#stopping.signal])
    const request = { subscriptions: members.flatMap(({ subscription }) => subscription ?? []), minutes: this.#parts.options.connectionMinutes }
    const caller = (this.#subscriptions.anchor() ?? members[0])?.session.caller
    if (caller === undefined) return
    const stream = await this.#target.transport.stream(getStreamingEvents, request, caller, { ...this.#subscriptions.affinity(), signal })
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
      if (ending === 'closed') this.#endedWell()
      if (ending === 'silent' || ending === 'cut') await this.#pause(this.#backOff(this.#failed()))
    } finally {
      over.abort()
      this.#online = new Set()
      await stream.close()
      for (const subscription of this.#leaving) void this.#subscriptions.end(subscription)
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
      if ((await this.#subscriptions.subscribeAll()) > 0) interrupt.abort()
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
          const verdicts = messages.map((message) => this.#handle(message, members))
          if (verdicts.includes('refused')) return 'refused'
          if (verdicts.includes('closed')) return 'closed'
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

  #handle(message: StreamMessage, members: readonly StreamMember[]): 'on' | 'closed' | 'refused' {
    const bySubscription = new Map(members.map((member) => [member.subscription, member]))
    for (const { subscription, events } of message.notifications) {
      const member = bySubscription.get(subscription)
      // Who left is heard no more, although his subscription is on the stream for as long as it is open.
      if (member !== undefined && this.#members.has(member) && hear(member, events, this.#parts.options.debounceMs) === 'nameless') this.#widen(member)
    }
    if (message.deadSubscriptions.length > 0) {
      // The good ones get nothing on this stream any more (Exchange), so it is opened again without the dead.
      this.#refuse(message.deadSubscriptions.flatMap((id) => bySubscription.get(id) ?? []))
      return 'refused'
    }
    if (message.failure !== null) {
      if (!isDeadSubscription(message.failure)) throw fromFailure(message.failure, this.#context())
      this.#refuse(members)
      return 'refused'
    }
    if (this.#online.size === 0) this.#opened(members)
    return message.closed ? 'closed' : 'on'
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

  /**
   * A server that is gone for good never says that it forgot us: after some failures everything is made anew.
   * @returns the failures in a row before this one
   */
  #failed(): number {
    this.#failures += 1
    if (this.#failures % FAILURES_BEFORE_ANEW === 0) for (const member of this.#members) member.subscription = null
    return this.#failures - 1
  }

  /** The first good envelope: whatever happened before it was not heard. */
  #opened(members: readonly StreamMember[]): void {
    this.#failures = 0
    this.#online = new Set(members.filter((member) => this.#members.has(member)))
    for (const member of this.#online) {
      member.refused = 0
      ring(member, ITEM_KINDS, this.#parts.options.debounceMs)
    }
  }

  /** A subscription that the server forgot is made anew at once; whoever's fresh one is refused, too, waits. */
  #refuse(members: readonly StreamMember[]): void {
    const { clock, log } = this.#parts
    const ours = members.filter((member) => this.#members.has(member))
    for (const member of ours) {
      member.subscription = null
      member.refused += 1
      log.debug({ mailbox: member.session.mailbox.id, refused: member.refused }, 'The subscription of a mailbox is gone; it is made anew')
    }
    const refused = ours.filter((member) => member.refused >= REFUSALS_BEFORE_APART)
    const pauseMs = Math.max(0, ...refused.map((member) => this.#backOff(member.timesApart + member.refused - REFUSALS_BEFORE_APART)))
    for (const member of refused) member.notBefore = clock.elapsedMs() + pauseMs
    if (refused.length > 0 && this.#members.size > 1) this.#owner.refused(refused)
  }

  #context() {
    const caller = this.#subscriptions.anchor()?.session.caller ?? { mailbox: '', credentials: { username: '', password: '' } }
    return this.#target.transport.context(getStreamingEvents, caller)
  }

  /** Its end in due time: those who were apart may come back; those who share it well are like all others again. */
  #endedWell(): void {
    for (const member of [...this.#online].filter((one) => this.#members.has(one))) {
      member.endedWell += 1
      if (!this.#apart) member.timesApart = 0
      else if (member.subscription !== null && mayComeBack(member)) this.#owner.back(member)
    }
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
