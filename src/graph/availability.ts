/** Free and busy times of Microsoft 365 as it tells them now: split to what one call bears, and merged. */
import { mergeStretches, splitWindow } from '../lib/busy-stretches.ts'
import type { Stretch } from '../lib/busy-stretches.ts'
import { instant, instantMs } from '../model/index.ts'
import type { Window } from '../model/index.ts'
import type { Availability, BusyBlock, MailboxAvailability } from '../ports.ts'
import type { Session } from './session.ts'

/** Microsoft's numbers: mailboxes in one call, days in one call. */
const MOST_SCHEDULES = 20
const DAY_MS = 86_400_000
const MOST_MS = 62 * DAY_MS
/** Coarse: the blocks are told by themselves, the digits only where somebody shares nothing else. */
const INTERVAL_MINUTES = 15
/** More than a thousand entries in the time asked for: a shorter one is asked for instead. */
const TOO_MANY = '5006'

type Status = BusyBlock['status']
/** From weak to strong: where two overlap, the stronger one tells. */
const STRENGTH: readonly Status[] = ['noData', 'workingElsewhere', 'tentative', 'busy', 'oof']
const DIGITS: readonly (Status | 'free')[] = ['free', 'tentative', 'busy', 'oof', 'workingElsewhere']

/** https://learn.microsoft.com/graph/api/resources/scheduleinformation */
interface Schedule {
  readonly scheduleId?: string
  readonly availabilityView?: string
  readonly scheduleItems?: readonly { readonly status?: string; readonly start?: { readonly dateTime?: string }; readonly end?: { readonly dateTime?: string } }[]
  readonly error?: { readonly message?: string; readonly responseCode?: string } | null
}
type Piece = readonly [number, number]
type Told = { readonly ok: true; readonly stretches: readonly Stretch<Status>[] } | { readonly ok: false; readonly code: string; readonly message: string }

/** @param session of the mailbox that asks: who may see only free and busy is told only that */
export function createAvailability(session: Session): Availability {
  /** https://learn.microsoft.com/graph/api/calendar-getschedule */
  async function ask(addresses: readonly string[], [fromMs, toMs]: Piece): Promise<Told[]> {
    const moment = (ms: number) => ({ dateTime: new Date(ms).toISOString().slice(0, 19), timeZone: 'UTC' })
    const answer = await session.need<{ value?: readonly Schedule[] }>({
      method: 'POST', path: `${session.root}/calendar/getSchedule`,
      body: { schedules: addresses, startTime: moment(fromMs), endTime: moment(Math.max(toMs, fromMs + INTERVAL_MINUTES * 60_000)), availabilityViewInterval: INTERVAL_MINUTES },
    })
    const byAddress = new Map(answer.value?.map((one) => [one.scheduleId?.toLowerCase() ?? '', one]))
    return Promise.all(addresses.map(async (address, at): Promise<Told> => {
      const told = toldOf(byAddress.get(address.toLowerCase()) ?? answer.value?.[at], [fromMs, toMs])
      const halfMs = Math.ceil((toMs - fromMs) / 2 / DAY_MS) * DAY_MS
      if (told.ok || told.code !== TOO_MANY || halfMs >= toMs - fromMs) return told
      return joined(await Promise.all(splitWindow(fromMs, toMs, halfMs).map(async (half) => (await ask([address], half))[0] ?? NO_ANSWER)))
    }))
  }

  return {
    async freeBusy(addresses, window) {
      const whole: Piece = [instantMs(window.from), instantMs(window.to)]
      const lots = Array.from({ length: Math.ceil(addresses.length / MOST_SCHEDULES) }, (_, at) => addresses.slice(at * MOST_SCHEDULES, (at + 1) * MOST_SCHEDULES))
      const answers: MailboxAvailability[] = []
      for (const lot of lots) {
        const pieces: Told[][] = []
        for (const piece of splitWindow(...whole, MOST_MS)) pieces.push(await ask(lot, piece))
        answers.push(...lot.map((address, at) => answerOf(address, joined(pieces.map((told) => told[at] ?? NO_ANSWER)), window, session.mailbox.address)))
      }
      return answers
    },
  }
}

const NO_ANSWER: Told = { ok: false, code: 'NoAnswer', message: '' }

/** Half an answer would read as free time. */
function joined(parts: readonly Told[]): Told {
  const stretches: Stretch<Status>[] = []
  for (const part of parts) {
    if (!part.ok) return part
    stretches.push(...part.stretches)
  }
  return { ok: true, stretches }
}

function toldOf(schedule: Schedule | undefined, piece: Piece): Told {
  if (schedule === undefined) return NO_ANSWER
  const { error, scheduleItems, availabilityView = '' } = schedule
  if (error != null) return { ok: false, code: error.responseCode ?? 'unknown', message: error.message ?? '' }
  if (scheduleItems === undefined) return { ok: true, stretches: fromView(availabilityView, piece) }
  const stretches = scheduleItems.flatMap(({ status = '', start, end }): Stretch<Status>[] => {
    if (status === 'free') return []
    return [{ startMs: momentOf(start?.dateTime), endMs: momentOf(end?.dateTime), status: STRENGTH.find((one) => one === status) ?? 'noData' }]
  })
  const broken = stretches.some(({ startMs, endMs }) => Number.isNaN(startMs + endMs))
  return broken ? { ok: false, code: 'UnreadableTime', message: 'a time that cannot be read' } : { ok: true, stretches }
}

/** Some mailboxes elsewhere tell digits alone, and some not even those. */
function fromView(view: string, [fromMs, toMs]: Piece): Stretch<Status>[] {
  if (view === '') return [{ startMs: fromMs, endMs: toMs, status: 'noData' }]
  const stepMs = INTERVAL_MINUTES * 60_000
  return [...view].flatMap((digit, at): Stretch<Status>[] => {
    const status = DIGITS[Number(digit)] ?? 'noData'
    return status === 'free' ? [] : [{ startMs: fromMs + at * stepMs, endMs: fromMs + (at + 1) * stepMs, status }]
  })
}

/** The clock of UTC, which `Prefer` asks for; NaN for what is no time. */
const momentOf = (text = '') => Date.parse(`${/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.exec(text)?.[0] ?? ''}Z`)

const UNKNOWN = /^(?:ErrorMailRecipientNotFound|ErrorInvalidSmtpAddress|ErrorNonExistentMailbox|ErrorUserNotFound)$/

function answerOf(address: string, told: Told, window: Window, asker: string): MailboxAvailability {
  if (!told.ok) return { address, blocks: [], error: { code: told.code, message: reasonOf(told, address, asker) } }
  const merged = mergeStretches(told.stretches, [instantMs(window.from), instantMs(window.to)], STRENGTH)
  return { address, blocks: merged.map(({ startMs, endMs, status }) => ({ start: instant(startMs), end: instant(endMs), status })), error: null }
}

function reasonOf({ code, message }: Extract<Told, { ok: false }>, address: string, asker: string): string {
  if (UNKNOWN.test(code)) return `Microsoft 365 knows no mailbox ${address} (${code}). Correct the address.`
  if (code === 'ErrorNoFreeBusyAccess') return `${address} does not share free and busy times with ${asker} (${code}). The owner can change that, or "sharing --give".`
  return `Microsoft 365 gives no availability of ${address} just now: ${code}${message === '' ? '' : ` (${message.slice(0, 200)})`}.`
}
