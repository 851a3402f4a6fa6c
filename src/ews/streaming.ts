/**
 * Hints from streaming notifications. A stream carries the subscriptions of up to 200 mailboxes (one mailbox where
 * everybody signs in for himself). Events are a doorbell and are lost while no stream is open, so every (re)opening
 * rings for all its mailboxes. Mailboxes that are refused together are taken apart (`stream-apart.ts`).
 */
import type { Mailbox, MailboxId } from '../model/index.ts'
import type { Clock, Hints, Log } from '../ports.ts'
import { newMember } from './stream-member.ts'
import type { OnHint, StreamMember } from './stream-member.ts'
import { halves } from './stream-apart.ts'
import { Stream, backOff } from './stream.ts'
import type { StreamTarget } from './stream.ts'
import type { Transport } from './transport.ts'
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

/** Streams at a time that one account may have on a server. */
const STREAMS_OF_2013 = 3
const STREAMS_SINCE_2016 = 10

export interface StreamingParts {
  readonly clock: Clock
  readonly log: Log
  readonly options: StreamingOptions
  /** Whether one credential serves all mailboxes. */
  readonly shared: boolean
  /** A stream is charged to the mailbox it is anchored to, otherwise all streams to the one account. */
  readonly impersonation: boolean
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
  async function place(member: StreamMember): Promise<void> {
    for (let failures = 0; isHere(member); failures += 1) {
      try {
        const where = await member.session.route.place()
        if (!isHere(member)) return
        const target = { group: groupOf(where), transport: where.transport, capacity: parts.shared ? parts.options.mailboxesPerStream : 1 }
        return join(member, roomIn(target) ?? open(target))
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

  function roomIn({ group, transport, capacity }: StreamTarget): Stream | undefined {
    const room = [...streams].filter((stream) => stream.target.group === group && stream.size < capacity)
    // With many that are served well rather than with one that may be the trouble.
    return room.find(({ apart }) => !apart) ?? (mayOpen(transport, 1) ? undefined : room.toSorted((one, two) => two.size - one.size)[0])
  }

  function mayOpen(transport: Transport, more: number): boolean {
    if (parts.impersonation || !parts.shared) return true
    const most = transport.version === null || transport.version.minor === 0 ? STREAMS_OF_2013 : STREAMS_SINCE_2016
    return [...streams].filter(({ target }) => target.transport === transport).length + more <= most
  }

  function open(target: StreamTarget, apart = false): Stream {
    const stream: Stream = new Stream(parts, target, {
      moved(member) {
        if (!isHere(member)) return
        leave(member, stream)
        members.set(member.session.mailbox.id, { member, stream: null })
        void place(member)
      },
      refused: (refused) => { takeApart(refused, stream) },
      back(member) {
        const room = [...streams].find((other) => other.target.group === target.group && !other.apart && other.size < target.capacity)
        if (room === undefined) return stream.share()
        leave(member, stream)
        join(member, room)
      },
    }, apart)
    streams.add(stream)
    return stream
  }

  /** Where the account may have no further stream, those who are served well apart make room; otherwise all stay and wait. */
  function takeApart(refused: readonly StreamMember[], stream: Stream): void {
    const groups = halves(refused)
    const more = groups.length - (refused.length === stream.size ? 1 : 0)
    while (!mayOpen(stream.target.transport, more)) if (!uniteTwo(stream)) return
    parts.log.warn({ mailboxes: refused.length, of: stream.size }, 'Exchange refused a notification stream to mailboxes twice; they go on apart from the others, in halves')
    for (const member of refused) leave(member, stream)
    for (const group of groups) {
      const half = open(stream.target, true)
      for (const member of group) {
        Object.assign(member, { refused: 0, endedWell: 0, timesApart: member.timesApart + 1 })
        join(member, half)
      }
    }
  }

  /** The two smallest other streams of the same server and group on which all is well. */
  function uniteTwo(refused: Stream): boolean {
    const { target } = refused
    const well = [...streams].filter((stream) => stream !== refused && stream.target.group === target.group && stream.apart && stream.connected().length === stream.size)
    const [small, other] = well.toSorted((one, two) => one.size - two.size)
    if (small === undefined || other === undefined || small.size + other.size > target.capacity) return false
    for (const { member, stream } of [...members.values()]) {
      if (stream !== small) continue
      leave(member, small)
      join(member, other)
    }
    return true
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
    void place(member)
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
