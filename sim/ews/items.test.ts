import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import type { EwsSim } from './index.ts'
import { startEwsSim } from './index.ts'
import {
  ask,
  attributes,
  createEvent,
  createTask,
  getItem,
  HAS_SCHEMAS,
  itemIdOf,
  SCHEMA_DIR,
  setField,
  STAMP,
  update,
  value,
  values,
} from './test-client.ts'

const ALICE = 'alice@example.test'
const TIMES = '<t:Start>2026-12-01T09:00:00Z</t:Start><t:End>2026-12-01T10:00:00Z</t:End>'
let sim: EwsSim

beforeEach(async () => {
  sim = await startEwsSim({ validate: HAS_SCHEMAS ? { schemaDir: SCHEMA_DIR } : null })
})
afterEach(() => sim.stop())

async function newEvent(inner = `<t:Subject>Visit</t:Subject>${TIMES}`, zone?: string): Promise<string> {
  const answer = await ask(sim, createEvent(inner), zone ? { zone } : {})
  expect(answer.codes).toEqual(['NoError'])
  return itemIdOf(answer)
}

/** Reads fields of an item with UTC times. */
async function read(id: string, ...properties: string[]): Promise<string> {
  const answer = await ask(sim, getItem(id, properties))
  expect(answer.codes).toEqual(['NoError'])
  return answer.text
}

describe('creating and reading', () => {
  it('gives back a stamped event with the times, the UID and the body it was made with', async () => {
    const created = await ask(
      sim,
      createEvent(`<t:Subject>Visit &amp; talk</t:Subject><t:Sensitivity>Private</t:Sensitivity>
      <t:Body BodyType="HTML">&lt;p&gt;Bring &lt;b&gt;papers&lt;/b&gt;&lt;/p&gt;</t:Body>
      <t:ExtendedProperty>${STAMP}<t:Value>v1;crm;Events;123;pair</t:Value></t:ExtendedProperty>
      <t:UID>uid-of-the-crm</t:UID><t:Start>2026-12-01T09:00:00</t:Start><t:End>2026-12-01T10:00:00</t:End>
      <t:Location>Milano</t:Location><t:StartTimeZone Id="W. Europe Standard Time"/><t:EndTimeZone Id="W. Europe Standard Time"/>`),
    )
    const answer = await ask(
      sim,
      getItem(
        itemIdOf(created),
        [
          'item:Subject',
          'item:Sensitivity',
          'item:Body',
          'calendar:UID',
          'calendar:Start',
          'calendar:End',
          'calendar:StartTimeZone',
          'calendar:Location',
          'calendar:CalendarItemType',
        ],
        `${STAMP}<t:ExtendedFieldURI DistinguishedPropertySetId="Meeting" PropertyId="35" PropertyType="Binary"/>`,
      ),
    )
    expect(value(answer.text, 'Subject')).toBe('Visit & talk')
    expect(value(answer.text, 'Sensitivity')).toBe('Private')
    expect(value(answer.text, 'Body')).toBe('Bring papers')
    expect(value(answer.text, 'UID')).toBe('uid-of-the-crm')
    expect(value(answer.text, 'Start')).toBe('2026-12-01T08:00:00Z')
    expect(attributes(answer.text, 'StartTimeZone', 'Id')).toEqual(['W. Europe Standard Time'])
    expect(value(answer.text, 'CalendarItemType')).toBe('Single')
    const [stamp, globalId] = values(answer.text, 'Value')
    expect(stamp).toBe('v1;crm;Events;123;pair')
    expect(Buffer.from(globalId ?? '', 'base64').toString('latin1')).toContain('uid-of-the-crm')
  })

  it('answers each item of a batch for itself', async () => {
    const id = await newEvent()
    const gone = id.replace(/AAA=/, 'AAB=').replace(/0000000/, '000000Z')
    const answer = await ask(sim, getItem(`${id}${gone}<t:ItemId Id="nonsense"/>${id}`, ['item:Subject']))
    expect(answer.codes).toEqual(['NoError', 'ErrorItemNotFound', 'ErrorInvalidIdMalformed', 'NoError'])
  })

  it('makes ids that differ from their neighbour only in case, or only in - and _', async () => {
    for (let n = 0; n < 8; n++) sim.putItem(ALICE, 'calendar', { Subject: String(n) })
    const ids = sim.items(ALICE).map((item) => item.id)
    const folded = ids.map((id) => id.toLowerCase())
    expect(new Set(ids).size).toBe(8)
    expect(new Set(folded).size).toBeLessThan(8)
    expect(new Set(ids.map((id) => id.replace(/_/g, '-'))).size).toBeLessThan(8)
  })

  it.each([
    [
      'CreateItem without SendMeetingInvitations',
      'ErrorSendMeetingInvitationsRequired',
      () => createEvent(TIMES).replace(/ SendMeetingInvitations="\w+"/, ''),
    ],
    [
      'an end before the start',
      'ErrorCalendarEndDateIsEarlierThanStartDate',
      () => createEvent('<t:Start>2026-12-01T09:00:00Z</t:Start><t:End>2026-12-01T08:00:00Z</t:End>'),
    ],
    [
      'an unknown time zone',
      'ErrorTimeZone',
      () => createEvent(`${TIMES}<t:StartTimeZone Id="Milky Way Standard Time"/>`),
    ],
    [
      'an event in the tasks folder',
      'ErrorCannotCreateCalendarItemInNonCalendarFolder',
      () => createEvent(TIMES).replace('Id="calendar"', 'Id="tasks"'),
    ],
  ])('refuses %s', async (_, code, body) => {
    const answer = await ask(sim, body())
    expect(answer.codes).toEqual([code])
    expect(sim.items(ALICE)).toEqual([])
  })

  it('does not let a task be asked for calendar properties', async () => {
    const id = itemIdOf(await ask(sim, createTask('<t:Subject>Call</t:Subject>')))
    expect((await ask(sim, getItem(id, ['calendar:Start']))).codes).toEqual(['ErrorInvalidPropertyRequest'])
  })

  it('keeps a recurrence as it was given and calls the item a master', async () => {
    const id =
      await newEvent(`<t:Subject>Weekly</t:Subject>${TIMES}<t:Recurrence><t:WeeklyRecurrence><t:Interval>2</t:Interval>
      <t:DaysOfWeek>Tuesday</t:DaysOfWeek></t:WeeklyRecurrence><t:NoEndRecurrence><t:StartDate>2026-12-01</t:StartDate></t:NoEndRecurrence></t:Recurrence>`)
    const text = await read(id, 'calendar:Recurrence', 'calendar:CalendarItemType')
    expect(value(text, 'CalendarItemType')).toBe('RecurringMaster')
    expect(value(text, 'Interval')).toBe('2')
    expect(value(text, 'DaysOfWeek')).toBe('Tuesday')
  })

  it('writes every property of every class in the order of the schema', async () => {
    const attendees = [{ address: 'bob@example.test', name: 'Bob', response: 'Accept' }]
    sim.putItem(ALICE, 'calendar', {
      Subject: 'a',
      Start: '2026-12-01T09:00:00',
      RequiredAttendees: attendees,
      Body: 'x',
      Categories: ['Red'],
    })
    sim.putItem(ALICE, 'tasks', {
      Subject: 't',
      DueDate: '2026-12-04',
      StartDate: '2026-12-01',
      Status: 'InProgress',
      Companies: ['Acme'],
    })
    sim.putItem(ALICE, 'contacts', {
      GivenName: 'Ann',
      Surname: 'Lee',
      EmailAddresses: { EmailAddress1: 'ann@example.test' },
      PhoneNumbers: { MobilePhone: '+39 1' },
      PhysicalAddresses: { Business: { Street: 'Via Roma 1', City: 'Milano' } },
      Birthday: '1980-05-01T00:00:00Z',
    })
    const ids = sim
      .items(ALICE)
      .map((item) => `<t:ItemId Id="${item.id}"/>`)
      .join('')
    const answer = await ask(sim, getItem(ids, []).replace('IdOnly', 'AllProperties'))
    expect(answer.codes).toEqual(['NoError', 'NoError', 'NoError'])
    expect(value(answer.text, 'City')).toBe('Milano')
    expect(values(answer.text, 'ResponseType')).toEqual(['Accept'])
  })
})

describe('updating', () => {
  it('changes only the named field and gives a new change key', async () => {
    const id = await newEvent()
    const answer = await ask(
      sim,
      update(id, setField('calendar:Location', 'CalendarItem', '<t:Location>Roma</t:Location>')),
    )
    expect(answer.codes).toEqual(['NoError'])
    expect(itemIdOf(answer)).not.toBe(id)
    const [item] = sim.items(ALICE)
    expect(item?.fields).toMatchObject({ Subject: 'Visit', Location: 'Roma', Start: '2026-12-01T09:00:00Z' })
    expect(sim.writes).toEqual({ created: 1, updated: 1, deleted: 0 })
  })

  it.each([
    ['NeverOverwrite', 'Location', 'ErrorIrresolvableConflict'],
    ['AutoResolve', 'Location', 'NoError'],
    ['AutoResolve', 'Subject', 'ErrorIrresolvableConflict'],
    ['AlwaysOverwrite', 'Subject', 'NoError'],
  ])(
    'with a stale change key, %s and a foreign change of the subject, writing %s gives %s',
    async (mode, field, code) => {
      const id = await newEvent()
      sim.editItem(ALICE, sim.items(ALICE)[0]?.id ?? '', { Subject: 'Changed in Outlook' })
      const uri = field === 'Location' ? 'calendar:Location' : 'item:Subject'
      const answer = await ask(
        sim,
        update(id, setField(uri, 'CalendarItem', `<t:${field}>Ours</t:${field}>`), { mode }),
      )
      expect(answer.codes).toEqual([code])
      if (mode === 'AutoResolve' && code === 'NoError') expect(value(answer.text, 'Count')).toBe('1')
      const kept = code === 'NoError' ? 'Ours' : field === 'Subject' ? 'Changed in Outlook' : undefined
      expect(sim.items(ALICE)[0]?.fields[field]).toBe(kept)
    },
  )

  it('wants a change key even to overwrite', async () => {
    const bare = (await newEvent()).replace(/ ChangeKey="[^"]*"/, '')
    const answer = await ask(
      sim,
      update(bare, setField('item:Subject', 'CalendarItem', '<t:Subject>x</t:Subject>'), { mode: 'AlwaysOverwrite' }),
    )
    expect(answer.codes).toEqual(['ErrorChangeKeyRequiredForWriteOperations'])
  })

  it.each([
    [
      'no Send* attribute',
      'ErrorSendMeetingInvitationsOrCancellationsRequired',
      setField('item:Subject', 'CalendarItem', '<t:Subject>x</t:Subject>'),
      null,
    ],
    [
      'the removal of End',
      'ErrorInvalidPropertyDelete',
      '<t:DeleteItemField><t:FieldURI FieldURI="calendar:End"/></t:DeleteItemField>',
      'SendToNone',
    ],
    [
      'a read-only field',
      'ErrorInvalidPropertySet',
      setField('calendar:IsMeeting', 'CalendarItem', '<t:IsMeeting>true</t:IsMeeting>'),
      'SendToNone',
    ],
    [
      'another field than named',
      'ErrorUpdatePropertyMismatch',
      setField('item:Subject', 'CalendarItem', '<t:Location>x</t:Location>'),
      'SendToNone',
    ],
  ])('refuses %s and changes nothing', async (_, code, updates, send) => {
    const id = await newEvent()
    expect((await ask(sim, update(id, updates, { send }))).codes).toEqual([code])
    expect(sim.items(ALICE)[0]?.changeKey).toBe(/ChangeKey="([^"]*)"/.exec(id)?.[1])
  })

  it('appends to the body and deletes a field', async () => {
    const id = await newEvent(`<t:Body BodyType="Text">one</t:Body>${TIMES}<t:Location>Roma</t:Location>`)
    await ask(
      sim,
      update(
        id,
        '<t:AppendToItemField><t:FieldURI FieldURI="item:Body"/><t:CalendarItem><t:Body BodyType="Text"> two</t:Body></t:CalendarItem></t:AppendToItemField>' +
          '<t:DeleteItemField><t:FieldURI FieldURI="calendar:Location"/></t:DeleteItemField>',
      ),
    )
    const [item] = sim.items(ALICE)
    expect(item?.fields['Body']).toEqual({ type: 'Text', text: 'one two' })
    expect(item?.fields).not.toHaveProperty('Location')
  })

  it('changes one entry of a contact and leaves the others', async () => {
    sim.putItem(ALICE, 'contacts', {
      GivenName: 'Ann',
      EmailAddresses: { EmailAddress1: 'a@example.test', EmailAddress2: 'b@example.test' },
      PhysicalAddresses: { Business: { Street: 'Via Roma 1', City: 'Milano' } },
    })
    const [before] = sim.items(ALICE)
    const id = `<t:ItemId Id="${before?.id}" ChangeKey="${before?.changeKey}"/>`
    const answer = await ask(
      sim,
      update(
        id,
        '<t:SetItemField><t:IndexedFieldURI FieldURI="contacts:EmailAddress" FieldIndex="EmailAddress1"/><t:Contact><t:EmailAddresses><t:Entry Key="EmailAddress1">new@example.test</t:Entry></t:EmailAddresses></t:Contact></t:SetItemField>' +
          '<t:SetItemField><t:IndexedFieldURI FieldURI="contacts:PhysicalAddress:City" FieldIndex="Business"/><t:Contact><t:PhysicalAddresses><t:Entry Key="Business"><t:City>Torino</t:City></t:Entry></t:PhysicalAddresses></t:Contact></t:SetItemField>' +
          '<t:DeleteItemField><t:IndexedFieldURI FieldURI="contacts:EmailAddress" FieldIndex="EmailAddress2"/></t:DeleteItemField>',
        { send: null },
      ),
    )
    expect(answer.codes).toEqual(['NoError'])
    expect(sim.items(ALICE)[0]?.fields).toMatchObject({
      EmailAddresses: { EmailAddress1: 'new@example.test' },
      PhysicalAddresses: { Business: { Street: 'Via Roma 1', City: 'Torino' } },
    })
    expect(sim.items(ALICE)[0]?.fields['EmailAddresses']).not.toHaveProperty('EmailAddress2')
  })
})

describe('time zones and whole days', () => {
  it('a change of the zones alone keeps the wall clock and shifts the instant', async () => {
    const id = await newEvent(
      '<t:Start>2026-12-01T09:00:00</t:Start><t:End>2026-12-01T10:00:00</t:End>' +
        '<t:StartTimeZone Id="W. Europe Standard Time"/><t:EndTimeZone Id="W. Europe Standard Time"/>',
    )
    await ask(
      sim,
      update(
        id,
        setField('calendar:StartTimeZone', 'CalendarItem', '<t:StartTimeZone Id="Eastern Standard Time"/>') +
          setField('calendar:EndTimeZone', 'CalendarItem', '<t:EndTimeZone Id="Eastern Standard Time"/>'),
      ),
    )
    expect(sim.items(ALICE)[0]?.fields).toMatchObject({ Start: '2026-12-01T14:00:00Z', End: '2026-12-01T15:00:00Z' })
  })

  it('a time without zone is meant in the TimeZoneContext when the item has no zone of its own', async () => {
    await newEvent('<t:Start>2026-07-01T09:00:00</t:Start><t:End>2026-07-01T10:00:00</t:End>', 'Tokyo Standard Time')
    expect(sim.items(ALICE)[0]?.fields).toMatchObject({
      Start: '2026-07-01T00:00:00Z',
      StartTimeZone: 'Tokyo Standard Time',
    })
  })

  it('pushes the bounds of a whole-day event outward to midnights of its own zone', async () => {
    await newEvent(
      '<t:Start>2026-12-01T13:00:00</t:Start><t:End>2026-12-02T13:00:00</t:End><t:IsAllDayEvent>true</t:IsAllDayEvent>' +
        '<t:StartTimeZone Id="Pacific Standard Time"/><t:EndTimeZone Id="Pacific Standard Time"/>',
    )
    expect(sim.items(ALICE)[0]?.fields).toMatchObject({ Start: '2026-12-01T08:00:00Z', End: '2026-12-03T08:00:00Z' })
  })

  it('writes times in the zone of the TimeZoneContext', async () => {
    const id = await newEvent()
    const answer = await ask(sim, getItem(id, ['calendar:Start']), { zone: 'W. Europe Standard Time' })
    expect(value(answer.text, 'Start')).toBe('2026-12-01T10:00:00+01:00')
  })
})

describe('tasks', () => {
  const states = '<t:Status>NotStarted</t:Status>'

  it.each([
    ['Status', '<t:Status>Completed</t:Status>', { Status: 'Completed', PercentComplete: 100 }],
    ['PercentComplete', '<t:PercentComplete>40</t:PercentComplete>', { Status: 'InProgress', PercentComplete: 40 }],
    ['PercentComplete', '<t:PercentComplete>100</t:PercentComplete>', { Status: 'Completed', PercentComplete: 100 }],
    [
      'CompleteDate',
      '<t:CompleteDate>2026-11-03T00:00:00Z</t:CompleteDate>',
      { Status: 'Completed', PercentComplete: 100, CompleteDate: '2026-11-03' },
    ],
  ])('writing %s alone settles its companions: %s', async (field, xml, expected) => {
    const id = itemIdOf(await ask(sim, createTask(`<t:Subject>Call</t:Subject>${states}`)))
    const answer = await ask(sim, update(id, setField(`task:${field}`, 'Task', xml), { send: null }))
    expect(answer.codes).toEqual(['NoError'])
    expect(sim.items(ALICE)[0]?.fields).toMatchObject(expected)
  })

  it('lets the last of Status and PercentComplete win', async () => {
    const id = itemIdOf(await ask(sim, createTask(`<t:Subject>Call</t:Subject>${states}`)))
    await ask(
      sim,
      update(
        id,
        setField('task:Status', 'Task', '<t:Status>Completed</t:Status>') +
          setField('task:PercentComplete', 'Task', '<t:PercentComplete>30</t:PercentComplete>'),
        { send: null },
      ),
    )
    expect(sim.items(ALICE)[0]?.fields).toMatchObject({ Status: 'InProgress', PercentComplete: 30 })
    expect(sim.items(ALICE)[0]?.fields).not.toHaveProperty('CompleteDate')
  })

  it('keeps dates as days', async () => {
    const id = itemIdOf(
      await ask(
        sim,
        createTask(
          '<t:Subject>Call</t:Subject><t:DueDate>2026-12-04T15:30:00Z</t:DueDate><t:StartDate>2026-12-01T00:00:00Z</t:StartDate>',
        ),
      ),
    )
    expect(value(await read(id, 'task:DueDate'), 'DueDate')).toBe('2026-12-04T00:00:00Z')
  })

  it('does not delete a task without being told which occurrences', async () => {
    const id = itemIdOf(await ask(sim, createTask('<t:Subject>Call</t:Subject>')))
    const body = `<m:DeleteItem DeleteType="HardDelete"><m:ItemIds>${id}</m:ItemIds></m:DeleteItem>`
    expect((await ask(sim, body)).codes).toEqual(['ErrorAffectedTaskOccurrencesRequired'])
    expect(
      (await ask(sim, body.replace('"HardDelete"', '"HardDelete" AffectedTaskOccurrences="AllOccurrences"'))).codes,
    ).toEqual(['NoError'])
    expect(sim.items(ALICE)).toEqual([])
  })
})

describe('deleting, moving and mail', () => {
  const remove = (id: string, type: string, mode: string | null = 'SendToNone') =>
    `<m:DeleteItem DeleteType="${type}"${mode ? ` SendMeetingCancellations="${mode}"` : ''}><m:ItemIds>${id}</m:ItemIds></m:DeleteItem>`

  it('moves to Deleted Items under a new id, and the old id is gone', async () => {
    const id = await newEvent()
    expect((await ask(sim, remove(id, 'MoveToDeletedItems'))).codes).toEqual(['NoError'])
    expect((await ask(sim, getItem(id, []))).codes).toEqual(['ErrorItemNotFound'])
    expect(sim.items(ALICE).map((item) => item.folder)).toEqual(['deleteditems'])
    expect(sim.items(ALICE)[0]?.id).not.toBe(/Id="([^"]*)"/.exec(id)?.[1])
  })

  it('wants SendMeetingCancellations for a calendar item', async () => {
    const id = await newEvent()
    expect((await ask(sim, remove(id, 'HardDelete', null))).codes).toEqual(['ErrorSendMeetingCancellationsRequired'])
    expect(sim.items(ALICE)).toHaveLength(1)
  })

  it('sends nothing with SendToNone, and a request, an update and a cancellation when told to', async () => {
    const people =
      '<t:RequiredAttendees><t:Attendee><t:Mailbox><t:EmailAddress>bob@example.test</t:EmailAddress></t:Mailbox></t:Attendee></t:RequiredAttendees>'
    const silent = await newEvent(`<t:Subject>Quiet</t:Subject>${TIMES}${people}`)
    expect(value(await read(silent, 'calendar:MeetingRequestWasSent'), 'MeetingRequestWasSent')).toBe('false')
    await ask(sim, remove(silent, 'HardDelete'))
    expect(sim.outbox).toEqual([])
    let id = itemIdOf(
      await ask(sim, createEvent(`<t:Subject>Loud</t:Subject>${TIMES}${people}`, 'SendToAllAndSaveCopy')),
    )
    id = itemIdOf(
      await ask(
        sim,
        update(id, setField('item:Subject', 'CalendarItem', '<t:Subject>Louder</t:Subject>'), {
          send: 'SendToAllAndSaveCopy',
        }),
      ),
    )
    await ask(sim, remove(id, 'HardDelete', 'SendOnlyToAll'))
    expect(sim.outbox.map((mail) => [mail.to, mail.kind, mail.subject])).toEqual([
      ['bob@example.test', 'invitation', 'Loud'],
      ['bob@example.test', 'update', 'Louder'],
      ['bob@example.test', 'cancellation', 'Louder'],
    ])
  })

  it('moves between folders with a new id and copies with the stamp', async () => {
    const id = await newEvent(
      `<t:Subject>Visit</t:Subject><t:ExtendedProperty>${STAMP}<t:Value>v1</t:Value></t:ExtendedProperty>${TIMES}`,
    )
    const folder = await ask(
      sim,
      '<m:CreateFolder><m:ParentFolderId><t:DistinguishedFolderId Id="calendar"/></m:ParentFolderId><m:Folders><t:CalendarFolder><t:DisplayName>Team</t:DisplayName></t:CalendarFolder></m:Folders></m:CreateFolder>',
    )
    const [folderId] = attributes(folder.text, 'FolderId', 'Id')
    const transfer = (operation: string, item: string) =>
      `<m:${operation}><m:ToFolderId><t:FolderId Id="${folderId}"/></m:ToFolderId><m:ItemIds>${item}</m:ItemIds></m:${operation}>`
    const copied = await ask(sim, transfer('CopyItem', id))
    const moved = await ask(sim, transfer('MoveItem', id))
    expect(new Set([id, itemIdOf(copied), itemIdOf(moved)]).size).toBe(3)
    expect(sim.items(ALICE, 'Team').map((item) => Object.values(item.extended))).toEqual([['v1'], ['v1']])
    expect(sim.items(ALICE, 'calendar')).toEqual([])
  })
})
