/**
 * Two ways to follow a calendar. `events/delta` tells every event and series and has no window, but v1.0 documents it in
 * one place and not in another, so the server is asked. `calendarView/delta` is always there; its window is fixed for
 * the life of its token, so a new window is read beside the old one.
 */
import { instantMs } from '../model/index.ts'
import { isUnsupported, verdictOf } from './errors.ts'
import type { Answer } from './errors.ts'
import type { Round } from './pull.ts'
import type { EventResource } from './resources.ts'
import { query } from './session.ts'
import type { Session } from './session.ts'
import { parseInstant } from './times.ts'

/** What is known of a server; shared by all mailboxes of a connection. */
export interface EventFeed {
  /** Whether it has `events/delta`; undefined until it was asked. */
  whole: boolean | undefined
}

const DAY_MS = 86_400_000
/** How far the window reaches beyond the days that are kept in step, so that it has to move only every month. */
const SPARE_DAYS = 62
/** It moves when less than this is left. */
const LEAST_DAYS = 31
/** Microsoft's longest view. */
const LONGEST_DAYS = 1_825

export async function beginEvents(session: Session, feed: EventFeed): Promise<{ round: Round; answer: Answer }> {
  if (feed.whole !== false) {
    // https://learn.microsoft.com/graph/api/event-delta (beta): the default calendar, not bounded by dates
    const round: Round = { v: 1, root: session.root, link: `${session.root}/calendar/events/delta` }
    const answer = await session.send({ method: 'GET', path: round.link, pageSize: session.pageSize })
    if (verdictOf(answer) === 'ok' && Array.isArray((answer.body as { value?: unknown } | undefined)?.value)) {
      feed.whole = true
      return { round, answer }
    }
    if (!isUnsupported(answer)) return { round, answer }
    feed.whole = false
  }
  const round = window(session)
  return { round, answer: await session.send({ method: 'GET', path: round.link, pageSize: session.pageSize }) }
}

/** https://learn.microsoft.com/graph/delta-query-events: the ends are UTC and go into the token */
function window(session: Session): Round & { from: string; to: string } {
  const { pastDays, futureDays } = session.range
  const midnight = Math.floor(instantMs(session.clock.now()) / DAY_MS) * DAY_MS
  const from = midnight - (pastDays + SPARE_DAYS / 2) * DAY_MS
  const to = Math.min(midnight + (futureDays + SPARE_DAYS) * DAY_MS, from + LONGEST_DAYS * DAY_MS)
  const ends = { from: new Date(from).toISOString(), to: new Date(to).toISOString() }
  const link = `${session.root}/calendarView/delta?${query({ startDateTime: ends.from, endDateTime: ends.to })}`
  return { v: 1, root: session.root, link, ...ends }
}

/**
 * The round has just ended. Three steps move a window: the new one is read in full; the old one is asked once more, so
 * that a deletion in between is not lost; then the new one is followed. What lies only in the old window is never
 * reported as gone.
 * @returns the round to go on with; the same one when nothing is to be moved
 */
export function roll(session: Session, round: Round): Round {
  if (round.from === undefined || round.to === undefined) return round
  if (round.after !== undefined) {
    const { after, ...rest } = round
    return { ...rest, link: after }
  }
  if (round.before !== undefined) {
    const { before, link, ...rest } = round
    return { ...rest, link: before, after: link }
  }
  return isNarrow(session, round.from, round.to) ? { ...window(session), before: round.link } : round
}

function isNarrow(session: Session, from: string, to: string): boolean {
  const now = instantMs(session.clock.now())
  const { pastDays, futureDays } = session.range
  const wanted = window(session)
  const needsFuture = Date.parse(to) < now + (futureDays + LEAST_DAYS) * DAY_MS && Date.parse(wanted.to) > Date.parse(to)
  return needsFuture || Date.parse(from) > now - pastDays * DAY_MS
}

/** Years of finished events need not be read to find out that they are of no interest; series always are. */
export function isLongOver(session: Session, { type, end }: EventResource): boolean {
  if (type !== 'singleInstance' || end?.dateTime === undefined) return false
  try {
    const endMs = instantMs(parseInstant(end.dateTime))
    return endMs < instantMs(session.clock.now()) - (session.range.pastDays + SPARE_DAYS) * DAY_MS
  } catch {
    return false
  }
}
