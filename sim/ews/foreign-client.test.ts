import util from 'node:util'

import {
  Appointment,
  BasePropertySet,
  BodyType,
  CalendarView,
  ConflictResolutionMode,
  Contact,
  ContactSchema,
  DateTime,
  DeleteMode,
  EmailAddress,
  EmailAddressKey,
  EventType,
  ExchangeService,
  ExchangeVersion,
  ExtendedPropertyDefinition,
  FolderId,
  Guid,
  ImpersonatedUserId,
  ConnectingIdType,
  ContactsFolder,
  ItemSchema,
  ItemView,
  MapiPropertyType,
  MessageBody,
  PropertySet,
  SearchFilter,
  SendInvitationsMode,
  SendInvitationsOrCancellationsMode,
  ServiceError,
  StreamingSubscriptionConnection,
  SyncFolderItemsScope,
  Task,
  TaskStatus,
  Uri,
  WebCredentials,
  WellKnownFolderName,
} from 'ews-javascript-api'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import type { EwsSim } from './index.ts'
import { startEwsSim } from './index.ts'
import { HAS_SCHEMAS, SCHEMA_DIR } from './test-client.ts'

// ews-javascript-api 0.15 still calls a function that Node 23 removed.
Object.assign(util, { isNullOrUndefined: (value: unknown) => value === null || value === undefined })

const ALICE = 'alice@example.test'
let sim: EwsSim
let service: ExchangeService

beforeEach(async () => {
  // This client writes its requests as it likes; the schema says whether they are good ones.
  sim = await startEwsSim({ heartbeatMs: 50, validate: HAS_SCHEMAS ? { schemaDir: SCHEMA_DIR } : null })
  service = new ExchangeService(ExchangeVersion.Exchange2013_SP1)
  service.Url = new Uri(sim.url)
  service.Credentials = new WebCredentials(ALICE, 'alice-password')
})
afterEach(() => sim.stop())

const STAMP = new ExtendedPropertyDefinition(
  new Guid('11111111-2222-4333-8444-555555555555'),
  'VtenextSync',
  MapiPropertyType.String,
)

async function visit(): Promise<Appointment> {
  const appointment = new Appointment(service)
  appointment.Subject = 'Visit'
  appointment.Body = new MessageBody(BodyType.Text, 'from the CRM')
  appointment.Start = new DateTime('2026-12-01T09:00:00Z')
  appointment.End = new DateTime('2026-12-01T10:00:00Z')
  appointment.Location = 'Milano'
  appointment.SetExtendedProperty(STAMP, 'v1;crm;Events;1;pair')
  await appointment.Save(new FolderId(WellKnownFolderName.Calendar), SendInvitationsMode.SendToNone)
  return appointment
}

describe('the ews-javascript-api client', () => {
  it('creates, finds, changes and deletes an appointment', async () => {
    const made = await visit()
    expect(sim.items(ALICE)[0]?.fields).toMatchObject({
      Subject: 'Visit',
      Start: '2026-12-01T09:00:00Z',
      Location: 'Milano',
    })
    const found = await service.FindAppointments(
      new FolderId(WellKnownFolderName.Calendar),
      new CalendarView(new DateTime('2026-12-01T00:00:00Z'), new DateTime('2026-12-02T00:00:00Z')),
    )
    expect(found.Items.map((item) => item.Subject)).toEqual(['Visit'])
    const bound = await Appointment.Bind(
      service,
      made.Id,
      new PropertySet(BasePropertySet.FirstClassProperties, [STAMP]),
    )
    const stamp: { outValue?: string } = {}
    expect(bound.TryGetProperty(STAMP, stamp as never)).toBe(true)
    expect(bound.Location).toBe('Milano')
    bound.Subject = 'Visit (moved)'
    await bound.Update(ConflictResolutionMode.NeverOverwrite, SendInvitationsOrCancellationsMode.SendToNone)
    expect(sim.items(ALICE)[0]?.fields['Subject']).toBe('Visit (moved)')
    await bound.Delete(DeleteMode.MoveToDeletedItems)
    expect(sim.items(ALICE).map((item) => item.folder)).toEqual(['deleteditems'])
    expect(sim.writes).toEqual({ created: 1, updated: 1, deleted: 1 })
    expect(sim.outbox).toEqual([])
  })

  it('is told about a conflict', async () => {
    const made = await visit()
    const bound = await Appointment.Bind(service, made.Id)
    sim.editItem(ALICE, sim.items(ALICE)[0]?.id ?? '', { Subject: 'Changed in Outlook' })
    bound.Subject = 'Ours'
    const refusal = await bound
      .Update(ConflictResolutionMode.NeverOverwrite, SendInvitationsOrCancellationsMode.SendToNone)
      .then(
        () => 'none',
        (error: unknown) => (error as { response: { ErrorCode: ServiceError } }).response.ErrorCode,
      )
    expect(refusal).toBe(ServiceError.ErrorIrresolvableConflict)
    expect(sim.items(ALICE)[0]?.fields['Subject']).toBe('Changed in Outlook')
  })

  it('finds an item by its stamp', async () => {
    const made = await visit()
    const found = await service.FindItems(
      new FolderId(WellKnownFolderName.Calendar),
      new SearchFilter.IsEqualTo(STAMP, 'v1;crm;Events;1;pair'),
      new ItemView(10),
    )
    expect(found.Items.map((item) => item.Id.UniqueId)).toEqual([made.Id.UniqueId])
  })

  it('follows a folder with SyncFolderItems', async () => {
    await visit()
    const step = async (state: string) =>
      service.SyncFolderItems(
        new FolderId(WellKnownFolderName.Calendar),
        PropertySet.IdOnly,
        [],
        512,
        SyncFolderItemsScope.NormalItems,
        state,
      )
    const first = await step('')
    expect(first.Count).toBe(1)
    expect(first.MoreChangesAvailable).toBe(false)
    expect((await step(first.SyncState)).Count).toBe(0)
    sim.deleteItem(ALICE, sim.items(ALICE)[0]?.id ?? '', 'HardDelete')
    expect((await step(first.SyncState)).Count).toBe(1)
  })

  it('makes a task and completes it', async () => {
    const task = new Task(service)
    task.Subject = 'Call back'
    task.DueDate = new DateTime('2026-12-04T00:00:00Z')
    await task.Save(new FolderId(WellKnownFolderName.Tasks))
    const bound = await Task.Bind(service, task.Id)
    bound.Status = TaskStatus.Completed
    await bound.Update(ConflictResolutionMode.AlwaysOverwrite)
    expect(sim.items(ALICE)[0]?.fields).toMatchObject({
      Subject: 'Call back',
      DueDate: '2026-12-04',
      Status: 'Completed',
      PercentComplete: 100,
    })
  })

  it('makes a contact in a folder of its own', async () => {
    const folder = new ContactsFolder(service)
    folder.DisplayName = 'vtenext'
    await folder.Save(WellKnownFolderName.Contacts)
    const contact = new Contact(service)
    contact.GivenName = 'Ann'
    contact.Surname = 'Lee'
    contact.EmailAddresses._setItem(EmailAddressKey.EmailAddress1, new EmailAddress('ann@example.test'))
    await contact.Save(folder.Id)
    expect(sim.items(ALICE, 'vtenext')[0]?.fields).toMatchObject({
      GivenName: 'Ann',
      EmailAddresses: { EmailAddress1: 'ann@example.test' },
    })
    const bound = await Contact.Bind(
      service,
      contact.Id,
      new PropertySet(BasePropertySet.IdOnly, [ContactSchema.Surname, ItemSchema.LastModifiedTime]),
    )
    expect(bound.Surname).toBe('Lee')
  })

  it('acts for another mailbox through the service account', async () => {
    service.Credentials = new WebCredentials(sim.service.username, sim.service.password)
    service.ImpersonatedUserId = new ImpersonatedUserId(ConnectingIdType.SmtpAddress, 'bob@example.test')
    await visit()
    expect(sim.items('bob@example.test')).toHaveLength(1)
  })

  it('hears of a change over a streaming subscription', async () => {
    const subscription = await service.SubscribeToStreamingNotifications(
      [new FolderId(WellKnownFolderName.Calendar)],
      EventType.Created,
      EventType.Modified,
    )
    const connection = new StreamingSubscriptionConnection(service, 1)
    connection.AddSubscription(subscription)
    const heard = Promise.withResolvers<number>()
    connection.OnNotificationEvent.push((_, args) => heard.resolve(args.Events.length))
    connection.OnDisconnect.push(() => {})
    connection.OnSubscriptionError.push((_, args) => heard.reject(args.Exception))
    void connection.Open()
    await expect.poll(() => sim.openStreams).toBe(1)
    sim.putItem(ALICE, 'calendar', { Subject: 'New' })
    expect(await heard.promise).toBe(2)
    connection.Close()
  })
})
