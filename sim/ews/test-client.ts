import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { expect } from 'vitest'

import type { EwsSim } from './index.ts'
import type { EwsSchema } from './schema.ts'
import { loadSchema } from './schema.ts'

/** Folder with the published schemas, beside the repository. */
export const SCHEMA_DIR = fileURLToPath(new URL('../../../shared/schemas/ews/', import.meta.url))
export const HAS_SCHEMAS = existsSync(`${SCHEMA_DIR}/messages.xsd`)
if (!HAS_SCHEMAS) console.warn(`No EWS schemas in ${SCHEMA_DIR}: answers are not checked against them.`)
export const schema: EwsSchema | null = HAS_SCHEMAS ? await loadSchema(SCHEMA_DIR) : null

export interface Answer {
  status: number
  text: string
  headers: Headers
  /** The ResponseCodes in order; for a fault the one of the fault. */
  codes: string[]
}

export interface AskOptions {
  /** Default alice@example.test. */
  user?: string
  password?: string
  /** SMTP address to impersonate. */
  as?: string
  /** Windows zone id for the TimeZoneContext. */
  zone?: string
  headers?: Record<string, string>
}

export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

export function requestOf(body: string, options: AskOptions = {}): string {
  const impersonation = options.as
    ? `<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>${options.as}</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>`
    : ''
  const zone = options.zone ? `<t:TimeZoneContext><t:TimeZoneDefinition Id="${options.zone}"/></t:TimeZoneContext>` : ''
  return `<?xml version="1.0" encoding="utf-8"?>
<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"
  xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages">
<s:Header><t:RequestServerVersion Version="Exchange2013_SP1"/>${impersonation}${zone}</s:Header>
<s:Body>${body}</s:Body></s:Envelope>`
}

export function headersOf(sim: EwsSim, options: AskOptions): Record<string, string> {
  const user = options.user ?? 'alice@example.test'
  const password =
    options.password ??
    (user === sim.service.username
      ? sim.service.password
      : (sim.mailboxes.find((mailbox) => mailbox.username === user)?.password ?? ''))
  return { authorization: basic(user, password), 'content-type': 'text/xml; charset=utf-8', ...options.headers }
}

/** Sends a hand-written operation; every answer must keep to the published schema. */
export async function ask(sim: EwsSim, body: string, options: AskOptions = {}): Promise<Answer> {
  const response = await fetch(sim.url, {
    method: 'POST',
    headers: headersOf(sim, options),
    body: requestOf(body, options),
  })
  const text = await response.text()
  if (text.startsWith('<?xml')) expect(schema?.check(text) ?? null, text).toBeNull()
  return { status: response.status, text, headers: response.headers, codes: values(text, 'ResponseCode') }
}

/** Texts of all elements of a local name. */
export function values(text: string, name: string): string[] {
  return [...text.matchAll(new RegExp(`<\\w+:${name}(?:\\s[^>]*)?>([^<]*)</\\w+:${name}>`, 'g'))].map((match) =>
    unescape(match[1] ?? ''),
  )
}

export function value(text: string, name: string): string | undefined {
  return values(text, name)[0]
}

/** Values of one attribute of all elements of a local name. */
export function attributes(text: string, name: string, attribute: string): string[] {
  return [...text.matchAll(new RegExp(`<\\w+:${name}\\s[^>]*?\\b${attribute}="([^"]*)"`, 'g'))].map((match) =>
    unescape(match[1] ?? ''),
  )
}

function unescape(text: string): string {
  return text
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&#xD;/g, '\r')
    .replace(/&amp;/g, '&')
}

/** The first ItemId of an answer, ready to be put into a request. */
export function itemIdOf(answer: Answer): string {
  const [id] = attributes(answer.text, 'ItemId', 'Id')
  const [key] = attributes(answer.text, 'ItemId', 'ChangeKey')
  return `<t:ItemId Id="${id}" ChangeKey="${key}"/>`
}

export const STAMP =
  '<t:ExtendedFieldURI PropertySetId="11111111-2222-4333-8444-555555555555" PropertyName="VtenextSync" PropertyType="String"/>'

export function createEvent(inner: string, mode = 'SendToNone'): string {
  return (
    `<m:CreateItem SendMeetingInvitations="${mode}"><m:SavedItemFolderId><t:DistinguishedFolderId Id="calendar"/></m:SavedItemFolderId>` +
    `<m:Items><t:CalendarItem>${inner}</t:CalendarItem></m:Items></m:CreateItem>`
  )
}

export function createTask(inner: string): string {
  return `<m:CreateItem MessageDisposition="SaveOnly"><m:Items><t:Task>${inner}</t:Task></m:Items></m:CreateItem>`
}

export function getItem(id: string, properties: string[], more = ''): string {
  const paths = properties.map((uri) => `<t:FieldURI FieldURI="${uri}"/>`).join('')
  const shape = paths || more ? `<t:AdditionalProperties>${paths}${more}</t:AdditionalProperties>` : ''
  return `<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:BodyType>Text</t:BodyType>${shape}</m:ItemShape><m:ItemIds>${id}</m:ItemIds></m:GetItem>`
}

export function update(id: string, updates: string, options: { mode?: string; send?: string | null } = {}): string {
  const { mode = 'NeverOverwrite', send = 'SendToNone' } = options
  const sending = send === null ? '' : ` SendMeetingInvitationsOrCancellations="${send}"`
  return (
    `<m:UpdateItem ConflictResolution="${mode}" MessageDisposition="SaveOnly"${sending}><m:ItemChanges><t:ItemChange>${id}` +
    `<t:Updates>${updates}</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>`
  )
}

export function setField(uri: string, kind: string, xml: string): string {
  return `<t:SetItemField><t:FieldURI FieldURI="${uri}"/><t:${kind}>${xml}</t:${kind}></t:SetItemField>`
}

export function sync(folder: string, state: string | undefined, max = 512): string {
  return (
    `<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:SyncFolderId><t:DistinguishedFolderId Id="${folder}"/></m:SyncFolderId>` +
    `${state === undefined ? '' : `<m:SyncState>${state}</m:SyncState>`}<m:MaxChangesReturned>${max}</m:MaxChangesReturned></m:SyncFolderItems>`
  )
}
