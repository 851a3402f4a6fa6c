// https://learn.microsoft.com/exchange/client-developer/web-service-reference/subscribe-operation
import { childText } from '../../lib/xml.ts'
import { BadReply, resultsOf } from '../soap.ts'
import type { Operation, Result } from '../soap.ts'
import { folderIdXml } from './ids.ts'
import type { FolderRef } from './ids.ts'

const EVENTS = ['CreatedEvent', 'ModifiedEvent', 'DeletedEvent', 'MovedEvent', 'CopiedEvent']

/** A streaming subscription to folders of one mailbox, or all of it; folders of two are refused (ErrorInvalidSubscriptionRequest). */
export const subscribe: Operation<readonly FolderRef[] | 'all', Result<string>[]> = {
  name: 'Subscribe',
  writes: false,
  encode: (folders) =>
    `<m:Subscribe><m:StreamingSubscriptionRequest${folders === 'all' ? ' SubscribeToAllFolders="true">' : `><t:FolderIds>${folders.map(folderIdXml).join('')}</t:FolderIds>`}`
    + `<t:EventTypes>${EVENTS.map((event) => `<t:EventType>${event}</t:EventType>`).join('')}</t:EventTypes>`
    + '</m:StreamingSubscriptionRequest></m:Subscribe>',
  decode: (reply) => resultsOf(reply, (message) => {
    const id = childText(message, 'SubscriptionId')
    if (id === undefined || id === '') throw new BadReply('The subscription id is missing.')
    return id
  }),
}
