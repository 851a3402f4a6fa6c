declare const brand: unique symbol

/** A string that cannot be passed where another kind of string is expected. */
export type Brand<Name extends string> = string & { readonly [brand]: Name }

/** Opaque, case-sensitive id of an Exchange item or CRM record on its own side. */
export type ItemId = Brand<'ItemId'>
/** Opaque version of an item: Exchange's change key, vtenext's modified time with a content hash. */
export type ChangeKey = Brand<'ChangeKey'>
/** Opaque token from which a feed continues. */
export type SyncState = Brand<'SyncState'>
/** Our own id of a connected mailbox; `CRM_LANE` stands for the CRM's feed. */
export type MailboxId = Brand<'MailboxId'>
export type LinkId = Brand<'LinkId'>
export type CopyId = Brand<'CopyId'>
export type OperationId = Brand<'OperationId'>
/** Travels inside a create so that it can be found again when its answer is lost (the "pair uuid"). */
export type Token = Brand<'Token'>
/** The owner of a CRM record: a user's or group's id as the CRM writes it (`19x4`, `22x7`). */
export type AssigneeId = Brand<'AssigneeId'>
/** A moment, `2026-12-01T09:00:00Z`: always UTC, whole seconds. */
export type Instant = Brand<'Instant'>
/** A calendar day without zone, `2026-12-01`. */
export type PlainDate = Brand<'PlainDate'>

export const itemId = (raw: string) => raw as ItemId
export const changeKey = (raw: string) => raw as ChangeKey
export const syncState = (raw: string) => raw as SyncState
export const mailboxId = (raw: string) => raw as MailboxId
export const linkId = (raw: string) => raw as LinkId
export const copyId = (raw: string) => raw as CopyId
export const operationId = (raw: string) => raw as OperationId
export const token = (raw: string) => raw as Token
export const assigneeId = (raw: string) => raw as AssigneeId

/** The lane of the CRM's feed: one poll serves all mailboxes. */
export const CRM_LANE = mailboxId('crm')

/** @param ms milliseconds since the epoch; anything below a second is cut. */
export function instant(ms: number): Instant {
  return `${new Date(Math.floor(ms / 1000) * 1000).toISOString().slice(0, 19)}Z` as Instant
}

/** @returns milliseconds since the epoch */
export const instantMs = (at: Instant): number => Date.parse(at)

/** @throws RangeError when the text is not a real calendar day */
export function plainDate(text: string): PlainDate {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text)
  const date = new Date(`${text}T00:00:00Z`)
  if (!match || Number.isNaN(date.getTime()) || date.toISOString().slice(0, 10) !== text) {
    throw new RangeError(`"${text}" is not a calendar day (yyyy-mm-dd).`)
  }
  return text as PlainDate
}

/** The setting that tells since when a mailbox is past its first synchronisation; it goes with its lane. */
export const settledSetting = (lane: MailboxId): string => `settled/${lane}`
