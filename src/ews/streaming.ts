/**
 * Hints from streaming notifications. A stream carries the subscriptions of up to 200 mailboxes (one mailbox where
 * everybody signs in for himself). Events are a doorbell and are lost while no stream is open, so every (re)opening
 * rings for all its mailboxes.
 */
import type { Mailbox, MailboxId } from '../model/index.ts'
import type { Clock, Hints, Log } from '../ports.ts'
import { newMember } from './stream-member.ts'
import type { OnHint, StreamMember } from './stream-member.ts'
import { Stream } from './stream.ts'
import type { Folders } from './folders.ts'
import type { Session } from './session.ts'
import type { Transport } from './transport.ts'

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
  readonly transport: Transport
  readonly clock: Clock
  readonly log: Log
  readonly options: StreamingOptions
  /** Whether one credential serves all mailboxes. */
  readonly shared: boolean
  access(mailbox: Mailbox): { readonly session: Session; readonly folders: Folders }
}

export function createHints(parts: StreamingParts): Hints {
  const streams = new Set<Stream>()
  const members = new Map<MailboxId, { readonly member: StreamMember; stream: Stream }>()
  let stopped = false

  const room = (size: number) => [...streams].find((stream) => stream.size < size)

  function place(member: StreamMember, alone: boolean): void {
    const size = parts.shared && !alone ? parts.options.mailboxesPerStream : 1
    const stream = (size > 1 ? room(size) : undefined) ?? open(size)
    members.set(member.session.mailbox.id, { member, stream })
    stream.add(member)
  }

  function open(size: number): Stream {
    const stream: Stream = new Stream(parts, size, (member) => {
      // gromox 3.1 lets only the user who subscribed read: such a mailbox gets a stream of its own.
      stream.remove(member)
      if (members.has(member.session.mailbox.id)) place(member, true)
    })
    streams.add(stream)
    return stream
  }

  function unwatch(id: MailboxId): void {
    const entry = members.get(id)
    if (entry === undefined) return
    members.delete(id)
    entry.stream.remove(entry.member)
    if (entry.stream.size > 0) return
    streams.delete(entry.stream)
    void entry.stream.stop()
  }

  return {
    watch(mailbox: Mailbox, onHint: OnHint) {
      if (stopped) return
      unwatch(mailbox.id)
      const { session, folders } = parts.access(mailbox)
      place(newMember(session, folders, onHint), false)
    },
    unwatch,
    connected: () => new Set([...streams].flatMap((stream) => stream.connected())),
    async stop() {
      stopped = true
      members.clear()
      await Promise.all([...streams].map((stream) => stream.stop()))
      streams.clear()
    },
  }
}
