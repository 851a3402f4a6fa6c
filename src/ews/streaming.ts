/**
 * Hints from streaming notifications. A stream carries the subscriptions of up to 200 mailboxes (one mailbox where
 * everybody signs in for himself). Events are a doorbell and are lost while no stream is open, so every (re)opening
 * rings for all its mailboxes.
 */
import type { Mailbox, MailboxId } from '../model/index.ts'
import type { Clock, Hints, Log } from '../ports.ts'
import { newMember } from './stream-member.ts'
import type { OnHint, StreamMember } from './stream-member.ts'
import { Stream, backOff } from './stream.ts'
import type { StreamTarget } from './stream.ts'
import type { Folders } from './folders.ts'
import { groupOf } from './route.ts'
import type { Session } from './session.ts'
import { asSyncError } from '../lib/errors.ts'

export interface StreamingOptions {
  /** Minutes until the server closes a stream by itself, 1 to 30. */
  readonly connectionMinutes: number
  /** Silence after which a stream counts as dead; servers send a sign of life every 45 s or so. */
  readonly watchdogMs: number
  /** How long further mailboxes are collected before a stream is opened again with them. */
  readonly collectMs: number
  readonly debounceMs: number
  /** First and longest wait after trouble. */
  readonly backOffMs: readonly [number, number]
  /** The wait after trouble that only a human can end: a wrong password tried every minute locks the account. */
  readonly askHumanMs: number
  readonly mailboxesPerStream: number
}

export const STREAMING_DEFAULTS: StreamingOptions = {
  connectionMinutes: 29, watchdogMs: 100_000, collectMs: 200, debounceMs: 100, backOffMs: [1_000, 60_000],
  askHumanMs: 15 * 60_000, mailboxesPerStream: 200,
}

export interface StreamingParts {
  readonly clock: Clock
  readonly log: Log
  readonly options: StreamingOptions
  /** Whether one credential serves all mailboxes. */
  readonly shared: boolean
  access(mailbox: Mailbox): { readonly session: Session; readonly folders: Folders }
}

export interface EwsHints extends Hints {
  /** The mailbox signs in otherwise now, or has another address; one that is not watched stays so. */
  renew(mailbox: Mailbox): void
}

export function createHints(parts: StreamingParts): EwsHints {
  const streams = new Set<Stream>()
  /** Whose stream is null is still looking for its server. */
  const members = new Map<MailboxId, { readonly member: StreamMember; stream: Stream | null }>()
  const stopping = new AbortController()

  const isHere = (member: StreamMember) => members.get(member.session.mailbox.id)?.member === member

  /** Mailboxes of one server, and there of one group, share streams (B.6); looking for the server is tried for ever. */
  async function place(member: StreamMember, alone: boolean): Promise<void> {
    for (let failures = 0; isHere(member); failures += 1) {
      try {
        const where = await member.session.route.place()
        if (!isHere(member)) return
        const size = parts.shared && !alone ? parts.options.mailboxesPerStream : 1
        const group = groupOf(where)
        const room = size > 1 ? [...streams].find((stream) => stream.group === group && stream.capacity > stream.size) : undefined
        return join(member, room ?? open({ group, transport: where.transport, capacity: size }))
      } catch (thrown) {
        const error = asSyncError(thrown)
        const pauseMs = error.retryAfterMs ?? (error.remedy === 'ask-human' ? parts.options.askHumanMs : backOff(parts.options, failures))
        parts.log.warn({ mailbox: member.session.mailbox.id, code: error.code, pauseMs }, 'The server of a mailbox is not known; it is looked for again')
        await parts.clock.sleep(pauseMs, stopping.signal).catch(() => undefined)
      }
    }
  }

  function join(member: StreamMember, stream: Stream): void {
    members.set(member.session.mailbox.id, { member, stream })
    stream.add(member)
  }

  function open(target: StreamTarget): Stream {
    const stream: Stream = new Stream(parts, target, {
      // gromox 3.1 lets only the user who subscribed read: such a mailbox gets a stream of its own.
      expel: (member, why) => {
        if (!isHere(member)) return
        leave(member, stream)
        members.set(member.session.mailbox.id, { member, stream: null })
        if (why === 'refused') member.timesAlone += 1
        member.endedWell = 0
        void place(member, why === 'refused')
      },
    })
    streams.add(stream)
    return stream
  }

  function leave(member: StreamMember, stream: Stream): void {
    stream.remove(member)
    if (stream.size > 0) return
    streams.delete(stream)
    void stream.stop()
  }

  function unwatch(id: MailboxId): void {
    const entry = members.get(id)
    if (entry === undefined) return
    members.delete(id)
    if (entry.stream !== null) leave(entry.member, entry.stream)
  }

  function watch(mailbox: Mailbox, onHint: OnHint): void {
    if (stopping.signal.aborted) return
    unwatch(mailbox.id)
    const { session, folders } = parts.access(mailbox)
    const member = newMember(session, folders, onHint)
    members.set(mailbox.id, { member, stream: null })
    void place(member, false)
  }

  return {
    watch, unwatch,
    renew(mailbox) {
      const entry = members.get(mailbox.id)
      if (entry === undefined) return
      // Given up, not taken back: that would be one more attempt with a password that may be wrong by now.
      entry.member.subscription = null
      watch(mailbox, entry.member.onHint)
    },
    connected: () => new Set([...streams].flatMap((stream) => stream.connected())),
    async stop() {
      stopping.abort()
      members.clear()
      await Promise.all([...streams].map((stream) => stream.stop()))
      streams.clear()
    },
  }
}
