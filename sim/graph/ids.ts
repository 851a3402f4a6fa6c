import { createHash } from 'node:crypto'

import type { Folder, Mailbox } from './model.ts'

/**
 * Ids are opaque and case-sensitive. The last sign of the number differs between neighbours only in case or only in -
 * versus _, so a client that folds case or mangles base64 mixes items up at once.
 */
const VARIANTS = 'Aa-_'
const ITEM_HEAD = 'AAMkAG'
const IMMUTABLE_HEAD = 'AAkALg'
const FOLDER_HEAD = 'AQMkAD'
const TOKEN_LENGTH = 48
const OCCURRENCE = 'FRAAg'
const WHOLE = 'BGAAA'
const DAY = 86_400_000

export function mailboxToken(address: string, generation: number): string {
  return createHash('sha512').update(`${address}#${generation}`).digest('base64url').slice(0, TOKEN_LENGTH)
}

function encode(serial: number): string {
  const block = Math.floor(serial / 4).toString(36).toUpperCase().padStart(8, '0')
  return `${block}${VARIANTS[serial % 4]}`
}

function decode(code: string): number {
  const variant = VARIANTS.indexOf(code[8] ?? '')
  if (!/^[0-9A-Z]{8}.$/.test(code) || variant < 0) return -1
  return Number.parseInt(code.slice(0, 8), 36) * 4 + variant
}

interface Identity {
  serial: number
  moves: number
}

/**
 * Documentation: https://learn.microsoft.com/graph/outlook-immutable-id
 * @param occurrence date of an occurrence, YYYY-MM-DD
 */
export function itemId(mailbox: Mailbox, item: Identity, immutable: boolean, occurrence?: string): string {
  const head = immutable ? IMMUTABLE_HEAD : ITEM_HEAD
  const tail = immutable ? 'AYw' : `A${item.moves.toString(36).toUpperCase().padStart(2, '0')}`
  const day = occurrence === undefined ? '' : encode(Date.parse(`${occurrence}T00:00:00Z`) / DAY)
  return `${head}${mailbox.token}${occurrence === undefined ? WHOLE : OCCURRENCE}${day}${encode(item.serial)}${tail}AAA=`
}

/** Containers have one id only; it never changes. */
export function folderId(mailbox: Mailbox, folder: Pick<Folder, 'serial'>): string {
  return `${FOLDER_HEAD}${mailbox.token}AuAAA${encode(folder.serial)}AQA=`
}

export function changeKey(mailbox: Mailbox, seq: number): string {
  return `${mailbox.token.slice(0, 22)}AAB${encode(seq)}==`
}

export type ParsedId =
  | { type: 'item'; token: string; serial: number; moves: number | null; occurrence: string | null }
  | { type: 'folder'; token: string; serial: number }

/** Takes an id apart; null when it cannot be an id of this server at all. `moves` is null in an immutable id. */
export function parseId(id: string): ParsedId | null {
  const token = id.slice(6, 6 + TOKEN_LENGTH)
  const rest = id.slice(6 + TOKEN_LENGTH)
  if (id.startsWith(FOLDER_HEAD)) {
    const serial = decode(rest.slice(5, 14))
    return serial < 0 || rest.slice(14) !== 'AQA=' ? null : { type: 'folder', token, serial }
  }
  const immutable = id.startsWith(IMMUTABLE_HEAD)
  if (!immutable && !id.startsWith(ITEM_HEAD)) return null
  const isOccurrence = rest.startsWith(OCCURRENCE)
  if (!isOccurrence && !rest.startsWith(WHOLE)) return null
  const day = isOccurrence ? decode(rest.slice(5, 14)) : 0
  const at = isOccurrence ? 14 : 5
  const serial = decode(rest.slice(at, at + 9))
  if (serial < 0 || day < 0 || !rest.endsWith('AAA=')) return null
  const occurrence = isOccurrence ? new Date(day * DAY).toISOString().slice(0, 10) : null
  const moves = immutable ? null : Number.parseInt(rest.slice(at + 10, at + 12), 36)
  return { type: 'item', token, serial, moves, occurrence }
}

/**
 * The global object id of an appointment as hexadecimal text; an occurrence has its date in the bytes 16 to 19.
 * Documentation: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxocal/1d3aac05-a7b9-45cc-a213-47f0a0a2c5c1
 */
export function occurrenceUid(uid: string, date: string): string {
  const [year = 0, month = 0, day = 0] = date.split('-').map(Number)
  const hex = (value: number, width: number) => value.toString(16).toUpperCase().padStart(width, '0')
  return `${uid.slice(0, 32)}${hex(year, 4)}${hex(month, 2)}${hex(day, 2)}${uid.slice(40)}`
}

export function newUid(seed: string): string {
  const random = createHash('sha256').update(seed).digest('hex').toUpperCase()
  return `040000008200E00074C5B7101A82E00800000000${random.slice(0, 16)}0000000000000000` + `10000000${random.slice(16, 48)}`
}
