import { instantMs } from '../model/index.ts'
import type { EventFields } from '../model/index.ts'
import type { Mailing } from '../ports.ts'
import type { Write } from '../sync/index.ts'
import type { Run } from './context.ts'
import type { Work } from './work.ts'

/**
 * Who is told by mail about a write: nobody, unless the policy says so, the mailbox is past its first synchronisation and
 * the event is still to come. The only place where a mail is allowed.
 */
export function mailingOf(run: Run, work: Work, write: Write): Mailing | null {
  const { policy } = run
  if (write.on !== 'exchange' || work.linked.link.kind !== 'event' || work.linked.copy.role === 'guest') return null
  if (write.type === 'update' && 'answer' in write.fields) return policy.answers === 'mail' && !run.isFirst && isAhead(run, work) ? 'everybody' : null
  if (run.isFirst || !isAhead(run, work)) return null
  const traits = work.exchange.type === 'seen' ? (work.exchange.snapshot.traits ?? {}) : work.linked.copy.traits
  if (traits.invited === true) return null
  switch (write.type) {
    case 'create':
      return policy.meetings === 'exchange' && work.isNew && hasPeople(write.item.fields as Partial<EventFields>) ? 'everybody' : null
    case 'update':
      if ('attendees' in write.fields) return policy.meetings === 'exchange' ? 'changed' : null
      return policy.sendMeetingUpdates && traits.hasAttendees === true && tellsSomething(write.fields) ? 'everybody' : null
    case 'delete':
      return policy.cancelMeetings && traits.hasAttendees === true ? 'everybody' : null
  }
}

const hasPeople = ({ attendees }: Partial<EventFields>): boolean => (attendees ?? []).length > 0

const tellsSomething = (fields: object): boolean => ['subject', 'time', 'place', 'body'].some((name) => name in fields)

function isAhead(run: Run, work: Work): boolean {
  const item = work.exchange.type === 'seen' ? work.exchange.snapshot.item : work.crm.type === 'seen' ? work.crm.snapshot.item : work.linked.copy.base.exchange
  const time = item.kind === 'event' ? item.fields.time : undefined
  if (time === undefined) return false
  const endMs = time.allDay ? Date.parse(`${time.lastDay}T00:00:00Z`) + 86_400_000 : instantMs(time.end)
  return endMs > instantMs(run.engine.clock.now())
}
