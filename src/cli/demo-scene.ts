import type { Simulators } from '../../sim/index.ts'
import { systemClock } from '../main.ts'

const DAY_MS = 86_400_000
const DELIVERIES = 12

const dayAfter = (now: number, days: number) => new Date(now + days * DAY_MS).toISOString().slice(0, 10)

/** What is there before the service begins: something private, something far away, a meeting with a guest, and what is deleted later. */
export function setScene({ ews }: Simulators): void {
  if (ews === undefined) return
  const now = ews.clock.now()
  const at = (days: number, time: string) => `${dayAfter(now, days)}T${time}:00`
  ews.putItem('alice@example.test', 'calendar', { Subject: 'Trade fair', Start: at(600, '09:00'), End: at(600, '18:00'), Location: 'Bologna' })
  ews.putItem('alice@example.test', 'calendar', { Subject: 'Salary talk', Start: at(2, '16:00'), End: at(2, '17:00'), Sensitivity: 'Private' })
  ews.putItem('carol@example.test', 'calendar', { Subject: 'Holiday', Start: at(4, '00:00'), End: at(6, '00:00'), IsAllDayEvent: true, LegacyFreeBusyStatus: 'OOF' })
  ews.putItem('alice@example.test', 'calendar', { Subject: 'Board meeting', Start: at(3, '14:00'), End: at(3, '15:30'), Location: 'Small room', RequiredAttendees: ['gina.guest@partner.example'], send: true })
  for (let n = 1; n <= DELIVERIES; n++) ews.putItem('bob@example.test', 'calendar', { Subject: `Delivery ${n}`, Start: at(n, '07:00'), End: at(n, '07:30'), Location: 'Warehouse' })
}

/**
 * Things that go wrong in every office: two people change the same field at once, a guest is not told of a change, and
 * somebody clears half his calendar.
 * @param tell hears what somebody did, and which page of the panel is for it
 */
export async function causeTrouble(simulators: Simulators, signal: AbortSignal, tell: (what: string, page: string) => void): Promise<void> {
  const { ews, vtenext } = simulators
  if (ews === undefined || vtenext === undefined) return
  const records = () => vtenext.records('Events').filter((one) => !one.deleted) as unknown as Record<string, string>[]
  const board = () => records().find((one) => one['subject'] === 'Board meeting')
  const review = () => records().find((one) => one['subject'] === 'Weekly sales review')
  const deliveries = () => ews.items('bob@example.test', 'calendar').filter((one) => String(one.fields['Subject']).startsWith('Delivery'))
  await until(() => review() !== undefined && records().filter((one) => one['subject']?.startsWith('Delivery')).length === DELIVERIES, 60_000, signal)
  // The pairs are known a moment after the records exist.
  await systemClock.sleep(3000, signal)
  if (signal.aborted) return
  const record = review()
  const item = ews.items('alice@example.test', 'calendar').find((one) => one.fields['Subject'] === 'Weekly sales review')
  if (record?.['id'] !== undefined && item !== undefined) {
    vtenext.edit(record['id'], { location: 'Customer’s office' })
    ews.editItem('alice@example.test', item.id, { Location: 'Room 5' })
    tell('alice moved "Weekly sales review" in Outlook, and somebody else moved it in the CRM at the same time: which place holds?', '/attention?tab=conflicts')
  }
  const meeting = board()
  if (meeting?.['id'] !== undefined) {
    vtenext.edit(meeting['id'], { location: 'Big room' })
    tell('alice moved "Board meeting" in the CRM; its guest was not told, because no policy lets us mail.', '/attention?tab=mails')
  }
  for (const { id } of deliveries()) ews.deleteItem('bob@example.test', id)
  tell(`bob deleted ${DELIVERIES} events in Outlook at once, so the CRM keeps them until somebody says that he meant it.`, '/attention?tab=held')
}

/** Waits until something is so, or the time is over. */
export async function until(isSo: () => boolean, withinMs: number, signal: AbortSignal): Promise<void> {
  for (const startedMs = performance.now(); !isSo() && !signal.aborted && performance.now() - startedMs < withinMs; ) await systemClock.sleep(100, signal)
}
