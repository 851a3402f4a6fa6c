import util from 'node:util'

import {
  Appointment, AppointmentType, BasePropertySet, CalendarView, ConflictResolutionMode, DateTime, DayOfTheWeek, DayOfTheWeekIndex,
  DeleteMode, ExchangeService, ExchangeVersion, FolderId, MeetingResponseType, Month, PropertySet, Recurrence, SendCancellationsMode,
  SendInvitationsMode, SendInvitationsOrCancellationsMode, ServiceError, Uri, WebCredentials, WellKnownFolderName,
} from 'ews-javascript-api'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import type { EwsSim } from './index.ts'
import { startEwsSim } from './index.ts'
import { HAS_SCHEMAS, SCHEMA_DIR } from './test-client.ts'

// ews-javascript-api 0.15 still calls a function that Node 23 removed.
Object.assign(util, { isNullOrUndefined: (value: unknown) => value === null || value === undefined })

const ALICE = 'alice@example.test'
const BOB = 'bob@example.test'
const CALENDAR = new FolderId(WellKnownFolderName.Calendar)
// The published types hide the constructors of the patterns and the items of collections.
const Patterns = Recurrence as any
const itemsOf = (collection: any): any[] => collection.Items
const DAY = new DateTime('2026-12-01T00:00:00Z')
let sim: EwsSim
let service: ExchangeService

beforeEach(async () => {
  sim = await startEwsSim({ validate: HAS_SCHEMAS ? { schemaDir: SCHEMA_DIR } : null })
  service = connect(ALICE)
})
afterEach(() => sim.stop())

function connect(address: string): ExchangeService {
  const connected = new ExchangeService(ExchangeVersion.Exchange2013_SP1)
  connected.Url = new Uri(sim.url)
  connected.Credentials = new WebCredentials(address, `${address.split('@')[0]}-password`)
  return connected
}

async function series(recurrence: Recurrence, count = 4, attendees: string[] = []): Promise<Appointment> {
  const appointment = new Appointment(service)
  appointment.Subject = 'Visit'
  appointment.Start = new DateTime('2026-12-01T09:00:00Z')
  appointment.End = new DateTime('2026-12-01T10:00:00Z')
  recurrence.NumberOfOccurrences = count
  appointment.Recurrence = recurrence
  for (const address of attendees) appointment.RequiredAttendees.Add(address)
  await appointment.Save(CALENDAR, attendees.length > 0 ? SendInvitationsMode.SendToAllAndSaveCopy : SendInvitationsMode.SendToNone)
  return appointment
}

async function view(of = service): Promise<Appointment[]> {
  const found = await of.FindAppointments(CALENDAR, new CalendarView(new DateTime('2026-11-01T00:00:00Z'), new DateTime('2028-10-01T00:00:00Z')))
  return found.Items
}

const iso = (time: DateTime) => new Date(time.TotalMilliSeconds).toISOString().slice(0, 16)
const refusal = (work: Promise<unknown>): Promise<unknown> =>
  work.then(() => 'none', (error: { response?: { ErrorCode: ServiceError } }) => error.response?.ErrorCode)

describe('the ews-javascript-api client', () => {
  const tuesday = () => new Patterns.WeeklyPattern(DAY, 1, [DayOfTheWeek.Tuesday])

  it.each([
    ['daily', () => new Patterns.DailyPattern(DAY, 2), ['2026-12-01', '2026-12-03']],
    ['weekly', tuesday, ['2026-12-01', '2026-12-08']],
    ['monthly', () => new Patterns.MonthlyPattern(DAY, 1, 31), ['2026-12-31', '2027-01-31']],
    ['relative monthly', () => new Patterns.RelativeMonthlyPattern(DAY, 1, DayOfTheWeek.Friday, DayOfTheWeekIndex.Last), ['2026-12-25', '2027-01-29']],
    ['yearly', () => new Patterns.YearlyPattern(DAY, Month.February, 29), ['2027-02-28', '2028-02-29']],
    ['relative yearly', () => new Patterns.RelativeYearlyPattern(DAY, Month.May, DayOfTheWeek.Weekday, DayOfTheWeekIndex.First), ['2027-05-03', '2028-05-01']],
  ])('makes a %s series and sees its occurrences', async (_, recurrence, days) => {
    await series(recurrence(), 2)
    const found = await view()
    expect(found.map((item) => iso(item.Start).slice(0, 10))).toEqual(days)
    expect(found.map((item) => item.AppointmentType)).toEqual([AppointmentType.Occurrence, AppointmentType.Occurrence])
  })

  it('binds to an occurrence by its number, changes it, deletes another, and reads both back from the master', async () => {
    const made = await series(tuesday())
    const second = await Appointment.BindToOccurrence(service, made.Id, 2)
    expect(iso(second.Start)).toBe('2026-12-08T09:00')
    second.Subject = 'Special'
    second.Start = new DateTime('2026-12-09T11:00:00Z')
    second.End = new DateTime('2026-12-09T12:00:00Z')
    await second.Update(ConflictResolutionMode.NeverOverwrite, SendInvitationsOrCancellationsMode.SendToNone)
    const third = await Appointment.BindToOccurrence(service, made.Id, 3)
    await third.Delete(DeleteMode.MoveToDeletedItems, SendCancellationsMode.SendToNone)
    const master = await Appointment.BindToRecurringMaster(service, second.Id, new PropertySet(BasePropertySet.FirstClassProperties))
    expect(master.Id.UniqueId).toBe(made.Id.UniqueId)
    const [modified] = itemsOf(master.ModifiedOccurrences)
    expect([iso(modified.Start), iso(modified.OriginalStart)]).toEqual(['2026-12-09T11:00', '2026-12-08T09:00'])
    expect(itemsOf(master.DeletedOccurrences).map((deleted) => iso(deleted.OriginalStart))).toEqual(['2026-12-15T09:00'])
    expect([iso(master.FirstOccurrence.Start), iso(master.LastOccurrence.Start)]).toEqual(['2026-12-01T09:00', '2026-12-22T09:00'])
    expect((await view()).map((item) => item.Subject)).toEqual(['Visit', 'Special', 'Visit'])
    expect(await refusal(Appointment.BindToOccurrence(service, made.Id, 3))).toBe(ServiceError.ErrorCalendarOccurrenceIsDeletedFromRecurrence)
    expect(await refusal(Appointment.BindToOccurrence(service, made.Id, 5))).toBe(ServiceError.ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange)
  })

  it('invites, accepts one meeting, declines an occurrence and cancels', async () => {
    const made = await series(tuesday(), 4, [BOB])
    const bob = connect(BOB)
    const [first] = await view(bob)
    const received = await Appointment.BindToRecurringMaster(bob, first?.Id as never)
    expect([received.IsMeeting, received.MyResponseType, received.Organizer.Address]).toEqual([true, MeetingResponseType.NoResponseReceived, ALICE])
    const results = await received.Accept(true)
    expect(results.Appointment.Id.UniqueId).toBe(received.Id.UniqueId)
    const occurrence = await Appointment.BindToOccurrence(bob, received.Id, 2)
    await occurrence.Decline(true)
    const own = await Appointment.Bind(service, made.Id)
    expect(itemsOf(own.RequiredAttendees).map(({ Address, ResponseType }) => [Address, ResponseType])).toEqual([[BOB, MeetingResponseType.Accept]])
    const declined = await Appointment.BindToOccurrence(service, made.Id, 2)
    expect(itemsOf(declined.RequiredAttendees)[0].ResponseType).toBe(MeetingResponseType.Decline)
    await own.CancelMeeting()
    expect((await view(bob)).map((item) => item.Subject)).toEqual(['Canceled: Visit', 'Canceled: Visit', 'Canceled: Visit'])
    expect(sim.outbox.map(({ kind, from }) => `${kind} ${from.split('@')[0]}`)).toEqual(['invitation alice', 'response bob', 'response bob', 'cancellation alice'])
  })

  it('is told that the organizer has nothing to accept', async () => {
    const made = await series(tuesday(), 2, [BOB])
    expect(await refusal(made.Accept(true))).toBe(ServiceError.ErrorCalendarIsOrganizerForAccept)
  })
})
