import { createHash } from 'node:crypto'

import type { Folder, Item, Mailbox } from './model.ts'

/**
 * Ids are opaque and case-sensitive. The sixth of a four-block differs from its neighbour only in case or only
 * in - versus _, so a client that folds case or mangles base64 mixes items up at once.
 */
const VARIANTS = 'Aa-_'
const ITEM_HEAD = 'AAMkAG'
const FOLDER_HEAD = 'AQMkAG'
const TOKEN_LENGTH = 118
const ITEM_MARK = 'BGAAAAAAD'
/** An occurrence has an id of its own: its master's serial and its day, which may lie before 1970. */
const OCCURRENCE_MARK = 'FRAAgIAAD'
const FIRST_DAY = 200_000
const CHANGE_KEY_HEAD = 'DwAAABYAAAC'
const ID_SHAPE = /^[A-Za-z0-9+/_-]{20,}={0,2}$/

/** The part that all ids of one mailbox share. */
export function mailboxToken(address: string, generation: number): string {
  const digest = createHash('sha512').update(`${address}#${generation}`).digest('base64url')
  return `${digest}${digest}`.slice(0, TOKEN_LENGTH)
}

function encode(serial: number): string {
  const block = Math.floor(serial / 4)
    .toString(36)
    .toUpperCase()
    .padStart(9, '0')
  return `${block}${VARIANTS[serial % 4]}`
}

function decode(code: string): number {
  const variant = VARIANTS.indexOf(code[9] ?? '')
  if (!/^[0-9A-Z]{9}.$/.test(code) || variant < 0) return -1
  return Number.parseInt(code.slice(0, 9), 36) * 4 + variant
}

export function itemId(mailbox: Mailbox, serial: number): string {
  return `${ITEM_HEAD}${mailbox.token}${ITEM_MARK}${encode(serial)}AAA=`
}

export function occurrenceId(mailbox: Mailbox, serial: number, day: number): string {
  return `${ITEM_HEAD}${mailbox.token}${OCCURRENCE_MARK}${encode(serial)}${encode(day + FIRST_DAY)}AAE=`
}

/** The id of an item, or of an occurrence worked out of its master. */
export function idOf(mailbox: Mailbox, item: Pick<Item, 'serial' | 'occurrence'>): string {
  return item.occurrence ? occurrenceId(mailbox, item.serial, item.occurrence.day) : itemId(mailbox, item.serial)
}

export function folderId(mailbox: Mailbox, serial: number): string {
  return `${FOLDER_HEAD}${mailbox.token}AuAAAD${encode(serial)}AQA=`
}

export function changeKey(mailbox: Mailbox, seq: number): string {
  return `${CHANGE_KEY_HEAD}${mailbox.token.slice(0, 14)}AAA${encode(seq)}`
}

/** The change number in a change key of this mailbox; -1 for a key that is none. */
export function changeNumber(mailbox: Mailbox, key: string): number {
  const head = `${CHANGE_KEY_HEAD}${mailbox.token.slice(0, 14)}AAA`
  return key.startsWith(head) ? decode(key.slice(head.length)) : -1
}

export function itemIdXml(
  mailbox: Mailbox,
  item: Pick<Item, 'serial' | 'seq' | 'occurrence'>,
  name = 'ItemId',
): string {
  return `<t:${name} Id="${idOf(mailbox, item)}" ChangeKey="${changeKey(mailbox, item.seq)}"/>`
}

export function folderIdXml(mailbox: Mailbox, folder: Pick<Folder, 'serial' | 'seq'>, name = 'FolderId'): string {
  return `<t:${name} Id="${folderId(mailbox, folder.serial)}" ChangeKey="${changeKey(mailbox, folder.seq)}"/>`
}

export interface ParsedId {
  type: 'item' | 'folder'
  token: string
  /** For an occurrence that of its master. */
  serial: number
  /** Day of an occurrence; null for an item. */
  day: number | null
}

/** Takes an id apart; null when it cannot be an id of this server at all. */
export function parseId(id: string): ParsedId | null {
  if (!ID_SHAPE.test(id)) return null
  const item = id.startsWith(ITEM_HEAD)
  if (!item && !id.startsWith(FOLDER_HEAD)) return null
  const token = id.slice(6, 6 + TOKEN_LENGTH)
  const start = 6 + TOKEN_LENGTH + (item ? 9 : 6)
  const occurrence = item && id.slice(start - OCCURRENCE_MARK.length, start) === OCCURRENCE_MARK
  return {
    type: item ? 'item' : 'folder',
    token,
    serial: decode(id.slice(start, start + 10)),
    day: occurrence ? decode(id.slice(start + 10, start + 20)) - FIRST_DAY : null,
  }
}
