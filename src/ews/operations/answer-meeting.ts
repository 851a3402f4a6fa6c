// https://learn.microsoft.com/exchange/client-developer/web-service-reference/acceptitem
import { itemsIn, resultsOf } from '../soap.ts'
import type { Operation, Result } from '../soap.ts'
import { itemIdXml, readRef } from './ids.ts'
import type { ItemRef } from './ids.ts'

export interface AnswerMeetingRequest {
  /** The event in the calendar, or one occurrence of it. */
  readonly item: Required<ItemRef>
  readonly answer: 'accepted' | 'tentative' | 'declined'
  /** Whether the organizer gets the answer by mail. */
  readonly send: boolean
}

const ELEMENTS: Readonly<Record<AnswerMeetingRequest['answer'], string>> = {
  accepted: 'AcceptItem', tentative: 'TentativelyAcceptItem', declined: 'DeclineItem',
}

/**
 * A response object: an answer written as a change of the item makes some servers take it for a meeting of one's own.
 * Answers the event with its new id where the server names it.
 */
export const answerMeeting: Operation<AnswerMeetingRequest, Result<Required<ItemRef> | null>[]> = {
  name: 'CreateItem',
  writes: true,
  encode: ({ item, answer, send }) =>
    `<m:CreateItem MessageDisposition="${send ? 'SendAndSaveCopy' : 'SaveOnly'}"><m:Items><t:${ELEMENTS[answer]}>`
    + `${itemIdXml(item, 't:ReferenceItemId')}</t:${ELEMENTS[answer]}></m:Items></m:CreateItem>`,
  decode: (reply) => resultsOf(reply, (message) => {
    // The mail that carries the answer stands beside it (gromox 3.1 names only that).
    const event = itemsIn(message).find(({ name }) => name === 'CalendarItem')
    return event === undefined ? null : readRef(event)
  }),
}
