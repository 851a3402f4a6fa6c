import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { dump } from './support/database.ts'
import { install, usualConfig } from './support/installation.ts'
import type { Installation } from './support/installation.ts'
import { meeting, visit } from './support/people.ts'
import { run } from './support/process.ts'
import { addressOf, startSimulators } from './support/simulators.ts'
import type { Simulators } from './support/simulators.ts'

let simulators: Simulators
let office: Installation

beforeAll(async () => {
  simulators = await startSimulators()
  office = await install(simulators)
})
afterAll(async () => {
  await office.close()
  await simulators.stop()
})
beforeEach(async () => {
  office.configure({})
  await simulators.clear()
})

const users = (...changes: object[]) => usualConfig(simulators).users.map((user, index) => ({ ...user, ...changes[index] }))
const event = (from: string, to: string, fields: object = {}) => ({ Subject: 'Secret words', Start: `2030-03-05T${from}:00Z`, End: `2030-03-05T${to}:00Z`, ...fields })
const ask = (...args: string[]) => office.run('availability', '--json', '--from', '2030-03-05', '--to', '2030-03-06T00:00:00Z', ...args)
const block = (from: string, to: string, status = 'busy') => ({ start: `2030-03-05T${from}:00Z`, end: `2030-03-05T${to}:00Z`, status })

describe('availability', () => {
  it('tells when users are taken, merged, in UTC and without words, from the server and not from our copies', async () => {
    await simulators.putItem('alice', 'calendar', event('08:00', '09:00'))
    await simulators.putItem('alice', 'calendar', event('08:30', '10:00', { LegacyFreeBusyStatus: 'Tentative' }))
    await simulators.putItem('bob', 'calendar', event('12:00', '13:00', { LegacyFreeBusyStatus: 'OOF' }))
    await simulators.putItem('carol', 'calendar', event('12:00', '13:00', { LegacyFreeBusyStatus: 'Free' }))
    const { code, json, stdout } = await ask('--users', `alice,${addressOf('bob')},carol`)
    expect(code).toBe(0)
    expect(json).toEqual({
      ok: true, from: '2030-03-05T00:00:00Z', to: '2030-03-06T00:00:00Z',
      users: [
        { user: 'alice', mailbox: addressOf('alice'), blocks: [block('08:00', '09:00'), block('09:00', '10:00', 'tentative')], error: null },
        { user: 'bob', mailbox: addressOf('bob'), blocks: [block('12:00', '13:00', 'oof')], error: null },
        { user: 'carol', mailbox: addressOf('carol'), blocks: [], error: null },
      ],
    })
    expect(stdout).not.toContain('Secret')
    const human = await office.run('availability', '--users', 'alice,bob,carol', '--from', '2030-03-05', '--to', '2030-03-06')
    expect(human.stdout).toMatch(/^alice +2030-03-05T08:00:00Z +2030-03-05T09:00:00Z +busy$/m)
    expect(human.stdout).toMatch(/^bob +.*out of office$/m)
    expect(human.stdout).toMatch(/^carol +free$/m)
  })

  it('reports trouble with one user beside the answers of the others', async () => {
    await simulators.putItem('bob', 'calendar', event('12:00', '13:00'))
    const { code, json } = await ask('--users', `nobody@example.test,bob,zoe`)
    expect([code, json.ok]).toEqual([0, true])
    const [nobody, bob, zoe] = json.users
    expect(nobody).toEqual({ user: null, mailbox: 'nobody@example.test', blocks: [], error: { code: 'ErrorMailRecipientNotFound', message: expect.stringContaining('Correct the address') } })
    expect(bob.blocks).toEqual([block('12:00', '13:00')])
    expect(zoe).toMatchObject({ user: 'zoe', mailbox: null, error: { code: 'UNKNOWN_USER' } })
    const alone = await ask('--users', 'nobody@example.test')
    expect([alone.code, alone.json.ok]).toEqual([1, false])
  })

  it('goes over more days than a server takes at once, and asks as another user when the first one cannot', async () => {
    office.configure({ users: users({ mailbox: 'gone@example.test' }) })
    await simulators.putItem('carol', 'calendar', event('12:00', '13:00'))
    const { json } = await office.run('availability', '--json', '--users', 'carol', '--from', '2029-06-01T00:00:00+02:00', '--to', '2030-12-31')
    expect(json.users).toEqual([{ user: 'carol', mailbox: addressOf('carol'), blocks: [block('12:00', '13:00')], error: null }])
  })

  it('asks as the first user with his own password where nobody may impersonate', async () => {
    const own = users().map((user) => ({ ...user, username: user.mailbox, password: `${user.crm}-password` }))
    office.configure({ exchange: usualConfig(simulators).exchange.map((one) => ({ ...one, impersonation: false })), users: own })
    await simulators.putItem('bob', 'calendar', event('12:00', '13:00'))
    expect((await ask('--users', 'bob')).json.users[0].blocks).toEqual([block('12:00', '13:00')])
  })

  it('says what is wrong with the question', async () => {
    const wrong = async (...args: string[]) => {
      const { code, stderr, stdout } = await office.run('availability', ...args)
      return `${code} ${stderr}${stdout}`
    }
    const said = await Promise.all([
      wrong('--users', 'alice'), wrong('--users', 'alice', '--from', 'monday', '--to', '2030-03-06'), wrong('--users', ',', '--from', '2030-03-05', '--to', '2030-03-06'),
      wrong('--users', 'alice', '--from', '2030-03-06', '--to', '2030-03-05'), wrong('--users', 'alice', '--from', '2030-03-06', '--to', '2034-03-05'),
    ])
    expect(said).toEqual([/^2 .*--from/, /^2 .*moment with its zone/, /^2 .*at least one user/, /^2 .*is not after --from/, /^2 .*two years at most/].map((words) => expect.stringMatching(words)))
    for (const command of ['availability', 'sharing']) expect((await run([command, '--help'])).stdout).toContain('--json')
  })
})

const SET = '<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="folder:PermissionSet"/></t:AdditionalProperties>'
  + '</m:FolderShape><m:FolderIds><t:DistinguishedFolderId Id="calendar"/></m:FolderIds></m:GetFolder>'
const permissionSet = async (who: string) => /<t:PermissionSet>.*<\/t:PermissionSet>/s.exec(await simulators.soap(who, SET))?.[0] ?? ''
const share = (...args: string[]) => office.run('sharing', '--user', 'alice', ...args, '--json')

/** As alice's Outlook would. */
async function inOutlook(entries: Record<string, string>): Promise<void> {
  const key = /<t:FolderId [^>]*\/>/.exec(await simulators.soap('alice', SET))?.[0] ?? ''
  const xml = Object.entries(entries).map(([who, rest]) => `<t:CalendarPermission><t:UserId>${who.includes('@') ? `<t:PrimarySmtpAddress>${who}</t:PrimarySmtpAddress>` : `<t:DistinguishedUser>${who}</t:DistinguishedUser>`}</t:UserId>`
    + `${rest.includes('<') ? rest : `<t:CalendarPermissionLevel>${rest}</t:CalendarPermissionLevel>`}</t:CalendarPermission>`)
  expect(await simulators.soap('alice', `<m:UpdateFolder><m:FolderChanges><t:FolderChange>${key}<t:Updates><t:SetFolderField><t:FieldURI FieldURI="folder:PermissionSet"/><t:CalendarFolder><t:PermissionSet>`
    + `<t:CalendarPermissions>${xml.join('')}</t:CalendarPermissions></t:PermissionSet></t:CalendarFolder></t:SetFolderField></t:Updates></t:FolderChange></m:FolderChanges></m:UpdateFolder>`)).toContain('NoError')
}

describe('sharing', () => {
  beforeEach(() => inOutlook({ Default: 'None', Anonymous: 'None' }))

  it('lists who has what', async () => {
    await inOutlook({ Default: 'FreeBusyTimeOnly', Anonymous: 'None', 'carol@example.test': 'Reviewer' })
    expect((await share()).json).toMatchObject({
      ok: true, user: 'alice', mailbox: addressOf('alice'),
      entries: [{ type: 'default', level: 'availability' }, { type: 'anonymous', level: 'none' }, { type: 'user', address: 'carol@example.test', level: 'more', role: 'Reviewer' }],
    })
    expect((await office.run('sharing', '--user', 'alice')).stdout).toMatch(/^carol@example\.test +Carol +more than that +Reviewer$/m)
  })

  it('gives free/busy to one colleague, and takes it away: nobody else notices', async () => {
    const custom = '<t:CanCreateItems>true</t:CanCreateItems><t:ReadItems>TimeOnly</t:ReadItems><t:CalendarPermissionLevel>Custom</t:CalendarPermissionLevel>'
    await inOutlook({ Default: 'None', 'carol@example.test': custom, Anonymous: 'FreeBusyTimeOnly' })
    const before = await permissionSet('alice')
    await simulators.putItem('alice', 'calendar', event('08:00', '09:00'))
    const seenByBob = async () => {
      office.configure({ users: users().filter(({ crm }) => crm === 'bob') })
      const { json } = await ask('--users', addressOf('alice'))
      office.configure({})
      return json.users[0].error?.code ?? json.users[0].blocks
    }
    expect(await seenByBob()).toBe('ErrorNoFreeBusyAccess')
    const given = await share('--give', 'bob', '--level', 'availability')
    expect([given.code, given.json]).toMatchObject([0, { ok: true, outcome: 'written', colleague: addressOf('bob'), before: null }])
    expect(await seenByBob()).toEqual([block('08:00', '09:00')])
    expect((await share('--give', 'bob')).json).toMatchObject({ outcome: 'unchanged' })
    expect((await share('--give', 'bob', '--level', 'details')).json.entries.at(-1)).toMatchObject({ address: addressOf('bob'), level: 'details' })
    const removed = await share('--remove', 'bob')
    expect(removed.json).toMatchObject({ ok: true, outcome: 'written', before: { level: 'details' }, message: expect.stringContaining('What everybody sees is left: nothing') })
    expect(await permissionSet('alice')).toBe(before)
  })

  it('takes no right away in silence', async () => {
    await inOutlook({ Default: 'None', 'bob@example.test': 'Editor' })
    const before = await permissionSet('alice')
    const refused = await share('--give', 'bob', '--level', 'availability')
    expect([refused.code, refused.json]).toMatchObject([1, { ok: false, outcome: 'refused', message: expect.stringMatching(/more than that \(Editor\).*--force/) }])
    expect((await share('--remove', 'bob')).json).toMatchObject({ ok: false, outcome: 'refused' })
    expect(await permissionSet('alice')).toBe(before)
    expect((await share('--give', 'bob', '--force')).json).toMatchObject({ ok: true, outcome: 'written', before: { role: 'Editor' } })
  })

  it('says whom it does not know', async () => {
    const said = await Promise.all([share('--give', 'zoe'), share('--give', 'nobody@example.test'), office.run('sharing', '--user', 'admin', '--json'), share('--give', 'alice')])
    expect(said.map(({ json }) => json.error.message)).toEqual([
      'Nobody knows the mailbox of zoe', 'knows nobody with the address nobody@example.test', 'admin has no connected mailbox', 'owns this calendar',
    ].map((words) => expect.stringContaining(words)))
    const misused = await Promise.all([share('--give', 'bob', '--remove', 'carol'), share('--give', 'bob', '--level', 'everything')])
    expect(misused.map(({ code }) => code)).toEqual([2, 2])
  })
})

describe('a user who shares his availability only', () => {
  it('has his whole calendar in the CRM as blocks, whose words are nowhere on our side', async () => {
    office.configure({ users: users({ availabilityOnly: true }) })
    await simulators.putItem('alice', 'calendar', meeting('Zanzibar plan', { Location: 'Zanzibar hall', Body: 'zanzibar text', Categories: ['Zanzibar'] }))
    await simulators.putItem('alice', 'calendar', meeting('Zanzibar weekly', {
      Recurrence: `<t:Recurrence><t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Monday</t:DaysOfWeek></t:WeeklyRecurrence><t:NumberedRecurrence><t:StartDate>${new Date(Date.now() + 2 * 86_400_000).toISOString().slice(0, 10)}</t:StartDate><t:NumberOfOccurrences>3</t:NumberOfOccurrences></t:NumberedRecurrence></t:Recurrence>`,
    }))
    await simulators.putItem('alice', 'tasks', { Subject: 'A task keeps its words' })
    await simulators.putItem('bob', 'calendar', meeting('Bob keeps his words'))
    await office.sync()
    const events = await simulators.records('Events')
    expect(events.map(({ subject }) => subject).toSorted()).toEqual(['Bob keeps his words', 'Busy', 'Busy', 'Busy', 'Busy'])
    expect((await simulators.records('Calendar')).map(({ subject }) => subject)).toEqual(['A task keeps its words'])
    expect(JSON.stringify(events)).not.toMatch(/zanzibar/i)
    const journal = await office.run('journal', '--values', '--json')
    expect(journal.stdout).not.toMatch(/zanzibar/i)
    const shown = await office.run('sync', '--once', '--json', '--verbose')
    expect(shown.stdout + shown.stderr).not.toMatch(/zanzibar/i)
    const stored = await dump(office)
    expect(stored).toContain('Bob keeps his words')
    expect(stored).not.toMatch(/zanzibar/i)
    await office.settled()

    // What the CRM makes of a block is undone, and the event keeps its words in Exchange.
    const block = events.find(({ subject }) => subject === 'Busy')
    await simulators.editRecord('alice', block?.['id'] ?? '', { subject: 'Guessed' })
    await office.sync()
    expect((await simulators.records('Events')).map(({ subject }) => subject)).not.toContain('Guessed')
    expect((await simulators.items('alice', 'calendar')).map(({ fields }) => fields['Subject']).toSorted()).toEqual(['Zanzibar plan', 'Zanzibar weekly'])
  })

  it('keeps what the CRM wrote, and tells no word that came after', async () => {
    office.configure({ users: users({ availabilityOnly: true }) })
    await simulators.putRecord('alice', 'Events', visit('Visit to Rossi', { location: 'Milano' }))
    await office.sync()
    const item = await simulators.item('alice', 'Visit to Rossi')
    await simulators.editItem('alice', item?.id ?? '', { Subject: 'Quagga talk', Location: 'Quagga' })
    await office.sync()
    expect((await simulators.records('Events')).map(({ subject, location }) => [subject, location])).toEqual([['Visit to Rossi', 'Milano']])
    const start = new Date(Date.parse(String(item?.fields['Start'])) + 3_600_000).toISOString()
    const end = new Date(Date.parse(String(item?.fields['End'])) + 3_600_000).toISOString()
    await simulators.editItem('alice', item?.id ?? '', { Start: start, End: end })
    await office.sync()
    expect((await simulators.records('Events')).map(({ subject, time_start }) => [subject, time_start?.slice(0, 5)])).toEqual([['Visit to Rossi', '15:00']])
    expect((await simulators.items('alice', 'calendar')).map(({ fields }) => fields['Subject'])).toEqual(['Quagga talk'])
    expect(await dump(office)).not.toContain('Quagga')

    // Nor when our database is lost and both meet as strangers.
    await office.loseDatabase()
    await office.sync()
    expect((await simulators.records('Events')).map(({ subject }) => subject)).toEqual(['Visit to Rossi'])
  })
})

interface Check {
  readonly name: string
  readonly ok: boolean
  readonly level: string
  readonly detail: string
  readonly cure: string
}
const troubles = async () => ((await office.run('doctor', '--json')).json.checks as Check[]).filter(({ ok }) => !ok)
const trouble = async () => (await troubles()).map(({ name, detail, cure }) => `${name}: ${detail} -> ${cure}`).join('\n')

describe('people who change', () => {
  it('a renamed mailbox is explained, and keeps everything under its new address', async () => {
    await simulators.control('ews/addMailbox', { address: 'dora@example.test' })
    office.configure({ users: [{ crm: 'alice', mailbox: 'dora@example.test' }, ...users().slice(1)] })
    await simulators.control('ews/put', { address: 'dora@example.test', folder: 'calendar', fields: meeting('Before the wedding') })
    await office.sync()
    await simulators.control('ews/renameMailbox', { address: 'dora@example.test', to: 'dora.verdi@example.test' })
    expect(await trouble()).toMatch(/renamed mailbox: dora@example\.test \(alice\) is another address of dora\.verdi@example\.test\. -> Write mailbox: dora\.verdi@example\.test and aliases: \[dora@example\.test\]/)
    await office.settled()
    office.configure({ users: [{ crm: 'alice', mailbox: 'dora.verdi@example.test', aliases: ['dora@example.test'] }, ...users().slice(1)] })
    expect(await trouble()).toBe('')
    await office.settled()
    const [item] = await simulators.control('ews/items', { address: 'dora.verdi@example.test', folder: 'calendar' })
    await simulators.control('ews/edit', { address: 'dora.verdi@example.test', id: item.id, fields: { Subject: 'After the wedding' } })
    await office.sync()
    expect((await simulators.records('Events')).map(({ subject }) => subject)).toEqual(['After the wedding'])
    office.configure({})
    await simulators.control('ews/removeMailbox', { address: 'dora.verdi@example.test' })
  })

  it('a renamed CRM user is followed, and explained', async () => {
    await simulators.putItem('carol', 'calendar', meeting('Kept'))
    await office.sync()
    await simulators.control('vtenext/renameUser', { username: 'carol', to: 'caroline' })
    try {
      await simulators.putItem('carol', 'calendar', meeting('Made after'))
      expect(await trouble()).toMatch(/renamed user: The CRM user carol is called caroline now.* -> Write crm: caroline/)
      await office.sync()
      expect((await simulators.records('Events')).map(({ subject }) => subject).toSorted()).toEqual(['Kept', 'Made after'])
      office.configure({ users: users({}, {}, { crm: 'caroline' }) })
      expect(await trouble()).toBe('')
      await office.settled()
    } finally {
      await simulators.control('vtenext/renameUser', { username: 'caroline', to: 'carol' })
    }
  })

  it('an inactive user is left alone, said, and picked up again without a duplicate', async () => {
    await simulators.putItem('carol', 'calendar', meeting('Kept'))
    await office.sync()
    await simulators.control('vtenext/setUser', { username: 'carol', active: false })
    await simulators.putItem('carol', 'calendar', meeting('Made meanwhile'))
    expect(await trouble()).toContain('carol is not synchronised: that CRM user is inactive')
    await office.trySync()
    expect((await simulators.records('Events')).map(({ subject }) => subject)).toEqual(['Kept'])
    await simulators.control('vtenext/setUser', { username: 'carol', active: true })
    await office.sync()
    expect((await simulators.records('Events')).map(({ subject }) => subject).toSorted()).toEqual(['Kept', 'Made meanwhile'])
    expect(await simulators.items('carol', 'calendar')).toHaveLength(2)
  })

  it('two users with one mailbox, or with one address, and users without mailbox are told', async () => {
    await simulators.control('ews/renameMailbox', { address: 'carol@example.test', to: 'c.neri@example.test' })
    office.configure({ users: users({}, { mailbox: 'c.neri@example.test' }) })
    expect(await trouble()).toMatch(/shared mailbox: bob \(c\.neri@example\.test\) and carol \(carol@example\.test\) are given one mailbox/)
    await simulators.control('ews/renameMailbox', { address: 'c.neri@example.test', to: 'carol@example.test' }).catch(() => undefined)

    office.configure({ users: users().slice(0, 1), policy: { defaultContactUser: 'bob' } })
    await simulators.control('vtenext/setUser', { username: 'bob', email: 'alice@example.test' })
    const told = await trouble()
    await simulators.control('vtenext/setUser', { username: 'bob', email: 'bob@example.test' })
    expect(told).toMatch(/shared address: The CRM users alice and bob have one e-mail address, alice@example\.test.*Records of bob stay in the CRM/)
    expect(told).toMatch(/members without mailbox: bob of the group Sales has no connected mailbox/)
    expect(told).toMatch(/default user of contacts: policy\.defaultContactUser: bob has no connected mailbox/)
    expect((await office.run('doctor')).stdout).toMatch(/users without mailbox +configuration +bob, carol/)
    expect((await office.run('users', '--groups')).stdout).toContain('! Sales: bob without mailbox')
  })

  it('an alias that is somebody else is refused before anything is done', async () => {
    office.configure({ users: users({ aliases: ['bob@example.test'] }) })
    const { code, stderr } = await office.run('plan')
    expect([code, stderr]).toEqual([2, expect.stringContaining('the alias bob@example.test of alice is an address of bob, too')])
  })
})
