/** Free and busy times from the server: split to what one call bears, and merged into blocks that do not overlap. */
import { mergeStretches, splitWindow } from '../lib/busy-stretches.ts'
import type { Stretch as BusyStretch } from '../lib/busy-stretches.ts'
import { instant, instantMs } from '../model/index.ts'
import type { Window } from '../model/index.ts'
import type { Availability, BusyBlock, MailboxAvailability } from '../ports.ts'
import { MERGED_MINUTES, getUserAvailability } from './operations/get-user-availability.ts'
import type { FreeBusyView } from './operations/get-user-availability.ts'
import { inBatches } from './session.ts'
import type { Session } from './session.ts'
import type { Failure, Result } from './soap.ts'

/** Microsoft's numbers. Later versions take 62 days, but an administrator may have kept the older limit. */
const MOST_MAILBOXES = 100
const MOST_MS = 42 * 86_400_000

type Status = BusyBlock['status']
type Stretch = BusyStretch<Status>

/** From weak to strong: where two overlap, the stronger one tells. */
const STRENGTH: readonly Status[] = ['noData', 'workingElsewhere', 'tentative', 'busy', 'oof']
/** BusyType of the schema; what is not listed says nothing. */
const STATUS: Readonly<Record<string, Status | 'free'>> = {
  Free: 'free', Tentative: 'tentative', Busy: 'busy', OOF: 'oof', WorkingElsewhere: 'workingElsewhere', NoData: 'noData',
}
/** Digits alone are ambiguous: 4 is "no data" in the documents and "working elsewhere" in newer versions. */
const DIGITS: readonly (Status | 'free')[] = ['free', 'tentative', 'busy', 'oof']

/** @param asSelf asks as the account that signs in, where no mailbox is connected that could ask */
export function createAvailability(session: Session, asSelf: boolean): Availability {
  async function ask(addresses: readonly string[], window: Window): Promise<readonly Result<readonly Stretch[]>[]> {
    const results = await session.call(getUserAvailability, { addresses, window }, { asSelf })
    if (results.length !== addresses.length) {
      throw session.error(getUserAvailability, { code: 'NoAnswer', text: `${addresses.length} mailboxes were asked for and ${results.length} answered` })
    }
    return results.map((result) => (result.ok ? stretchesOf(result.value, window) : result))
  }

  return {
    async freeBusy(addresses, window) {
      const windows = split(window)
      const answers = await Promise.all(inBatches(addresses, MOST_MAILBOXES).map(async (part) => {
        const parts = await Promise.all(windows.map((one) => ask(part, one)))
        return part.map((address, at) => merged(address, parts.flatMap((results) => results[at] ?? []), window, session.mailbox.address))
      }))
      return answers.flat()
    },
  }
}

function merged(address: string, results: readonly Result<readonly Stretch[]>[], window: Window, asker: string): MailboxAvailability {
  const refused = results.find((result) => !result.ok)
  // Half an answer would read as free time.
  if (refused !== undefined && !refused.ok) return { address, blocks: [], error: { code: refused.failure.code, message: reasonOf(refused.failure, address, asker) } }
  const stretches = results.flatMap((result) => (result.ok ? result.value : []))
  return { address, blocks: blocksOf(stretches, window), error: null }
}

const UNKNOWN = ['ErrorMailRecipientNotFound', 'ErrorCannotFindUser', 'ErrorNonExistentMailbox', 'ErrorInvalidSmtpAddress', 'ErrorUserNotFound']

function reasonOf({ code, text }: Failure, address: string, asker: string): string {
  if (UNKNOWN.includes(code)) return `Exchange knows no mailbox ${address} (${code}). Correct the address.`
  if (code === 'ErrorNoFreeBusyAccess') return `${address} does not share free and busy times with ${asker} (${code}). The owner can change that, or "sharing --give".`
  return `Exchange gives no availability of ${address} just now: ${code}${text === '' ? '' : ` (${text.slice(0, 200)})`}.`
}

const split = ({ from, to }: Window): Window[] =>
  splitWindow(instantMs(from), instantMs(to), MOST_MS).map(([start, end]) => ({ from: instant(start), to: instant(end) }))

/** Blocks by start that neither overlap nor touch with the same status, cut to the window. */
export const blocksOf = (stretches: readonly Stretch[], { from, to }: Window): readonly BusyBlock[] =>
  mergeStretches(stretches, [instantMs(from), instantMs(to)], STRENGTH).map(({ startMs, endMs, status }) => ({ start: instant(startMs), end: instant(endMs), status }))

function stretchesOf(view: FreeBusyView, window: Window): Result<readonly Stretch[]> {
  const whole = { startMs: instantMs(window.from), endMs: instantMs(window.to) }
  if (/FreeBusy|Detailed/.test(view.type)) {
    const broken = view.events.find(({ start, end }) => Number.isNaN(readTime(start) + readTime(end)))
    if (broken !== undefined) return { ok: false, failure: { code: 'UnreadableTime', text: `from "${broken.start}" to "${broken.end}"` } }
    return { ok: true, value: view.events.flatMap(({ start, end, status }) => known({ startMs: readTime(start), endMs: readTime(end) }, STATUS[status] ?? 'noData')) }
  }
  // Mailboxes elsewhere often tell digits alone, and some not even those.
  if (view.digits === '') return { ok: true, value: known(whole, 'noData') }
  const step = MERGED_MINUTES * 60_000
  const slots = [...view.digits].flatMap((digit, at) => known({ startMs: whole.startMs + at * step, endMs: whole.startMs + (at + 1) * step }, DIGITS[Number(digit)] ?? 'noData'))
  return { ok: true, value: slots }
}

const known = (time: Omit<Stretch, 'status'>, status: Status | 'free'): Stretch[] => (status === 'free' ? [] : [{ ...time, status }])

/** NaN for what is no time. Exchange writes the clock of the zone asked in, UTC, without offset; gromox 3.1 adds one without colon. */
function readTime(text: string): number {
  const [, clock = '', offset = 'Z'] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:?\d\d)?$/.exec(text) ?? []
  return Date.parse(`${clock}${offset.replace(/^([+-]\d\d):?(\d\d)$/, '$1:$2')}`)
}
