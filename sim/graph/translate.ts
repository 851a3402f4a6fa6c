import type { Call, Reply } from './call.ts'
import { needObject } from './call.ts'
import { badRequest } from './errors.ts'
import { itemId, parseId } from './ids.ts'
import { contextOf } from './odata.ts'

const MOST = 1_000
const FORMATS = ['entryId', 'ewsId', 'immutableEntryId', 'restId', 'restImmutableEntryId']

/**
 * Ordinary ids to immutable ones and back; the binary formats are not simulated.
 * Documentation: https://learn.microsoft.com/graph/api/user-translateexchangeids
 */
export function translateExchangeIds(call: Call): Reply {
  const { inputIds, sourceIdType, targetIdType } = needObject(call.body)
  if (!Array.isArray(inputIds) || inputIds.length === 0) throw badRequest('inputIds is missing.', 'ErrorInvalidArgument')
  if (inputIds.length > MOST) throw badRequest(`${inputIds.length} ids were given; the most are ${MOST}.`, 'ErrorInvalidArgument')
  for (const format of [sourceIdType, targetIdType])
    if (!FORMATS.includes(format)) throw badRequest(`Requested value '${String(format)}' was not found.`, 'RequestBodyRead')
  const value = inputIds.map((sourceId: string) => {
    const targetId = translate(call, String(sourceId), targetIdType)
    if (targetId !== null) return { sourceId, targetId }
    return { sourceId, errorDetails: { code: 'ErrorInvalidIdMalformed', message: 'Id is malformed.' } }
  })
  return { status: 200, body: { '@odata.context': contextOf(call), value } }
}

function translate({ mailbox }: Call, sourceId: string, target: string): string | null {
  const parsed = parseId(sourceId)
  if (!parsed) return null
  if (parsed.type === 'folder') return sourceId
  const moves = mailbox.items.get(parsed.serial)?.moves ?? parsed.moves ?? 0
  return itemId(mailbox, { serial: parsed.serial, moves }, target === 'restImmutableEntryId', parsed.occurrence ?? undefined)
}
