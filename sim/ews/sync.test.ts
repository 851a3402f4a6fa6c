import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import type { EwsSim } from './index.ts'
import { startEwsSim } from './index.ts'
import { ask, attributes, createTask, HAS_SCHEMAS, SCHEMA_DIR, STAMP, sync, value, values } from './test-client.ts'

const ALICE = 'alice@example.test'
let sim: EwsSim

beforeEach(async () => {
  sim = await startEwsSim({ validate: HAS_SCHEMAS ? { schemaDir: SCHEMA_DIR } : null })
})
afterEach(() => sim.stop())

interface Page {
  creates: string[]
  updates: string[]
  deletes: string[]
  state: string
  last: boolean
}

async function page(folder: string, state?: string, max?: number): Promise<Page> {
  const { text, codes } = await ask(sim, sync(folder, state, max))
  expect(codes).toEqual(['NoError'])
  const idsIn = (kind: string) =>
    [...text.matchAll(new RegExp(`<t:${kind}>.*?</t:${kind}>`, 'g'))].flatMap((match) =>
      attributes(match[0], 'ItemId', 'Id'),
    )
  return {
    creates: idsIn('Create'),
    updates: idsIn('Update'),
    deletes: idsIn('Delete'),
    state: value(text, 'SyncState') ?? '',
    last: value(text, 'IncludesLastItemInRange') === 'true',
  }
}

function put(count: number, folder = 'calendar'): string[] {
  return Array.from({ length: count }, (_, n) => sim.putItem(ALICE, folder, { Subject: `Item ${n}` }).id)
}

describe('SyncFolderItems', () => {
  it('reports everything at first, newest first, and then nothing', async () => {
    const ids = put(3)
    const first = await page('calendar')
    expect(first).toMatchObject({ creates: ids.toReversed(), updates: [], deletes: [], last: true })
    expect(await page('calendar', first.state)).toMatchObject({ creates: [], updates: [], deletes: [], last: true })
  })

  it('pages without losing or doubling an item while the user keeps working', async () => {
    const ids = put(5)
    const first = await page('calendar', undefined, 2)
    expect(first).toMatchObject({ creates: [ids[4], ids[3]], last: false })
    sim.editItem(ALICE, ids[0] ?? '', { Subject: 'edited before it was delivered' })
    sim.editItem(ALICE, ids[4] ?? '', { Subject: 'edited after it was delivered' })
    sim.deleteItem(ALICE, ids[3] ?? '', 'HardDelete')
    const late = sim.putItem(ALICE, 'calendar', { Subject: 'new' }).id
    const seen: Page[] = []
    let current = first
    while (!current.last) {
      current = await page('calendar', current.state, 2)
      seen.push(current)
    }
    const creates = seen.flatMap((entry) => entry.creates)
    expect(creates.toSorted()).toEqual([ids[2], ids[1], ids[0], late].toSorted())
    expect(seen.flatMap((entry) => entry.updates)).toContain(ids[4])
    expect(seen.flatMap((entry) => entry.deletes)).toEqual([ids[3]])
  })

  it('reports an edit as Update, and a move as Delete here and Create under a new id there', async () => {
    const [kept = '', moved = ''] = put(2)
    const { state } = await page('calendar')
    sim.editItem(ALICE, kept, { Subject: 'other' })
    const { id: newId } = sim.moveItem(ALICE, moved, 'deleteditems')
    expect(newId).not.toBe(moved)
    expect(await page('calendar', state)).toMatchObject({ creates: [], updates: [kept], deletes: [moved] })
    expect(await page('deleteditems')).toMatchObject({ creates: [newId] })
  })

  it('says nothing about an item that came and went between two calls', async () => {
    const { state } = await page('calendar')
    sim.deleteItem(ALICE, put(1)[0] ?? '', 'HardDelete')
    expect(await page('calendar', state)).toMatchObject({ creates: [], updates: [], deletes: [] })
  })

  it('leaves out what the client asks to ignore', async () => {
    const [first, second] = put(2)
    const body = sync('calendar', undefined).replace(
      '<m:MaxChanges',
      `<m:Ignore><t:ItemId Id="${first}"/></m:Ignore><m:MaxChanges`,
    )
    expect(attributes((await ask(sim, body)).text, 'ItemId', 'Id')).toEqual([second])
  })

  it.each<[string, (state: string) => string]>([
    ['of another folder', (state) => state],
    ['that was tampered with', (state) => `${state.slice(0, -8)}AAAAAAAA`],
    ['that is no state at all', () => 'bm9uc2Vuc2U='],
  ])('refuses a state %s', async (name, change) => {
    put(1)
    const { state } = await page('calendar')
    const answer = await ask(sim, sync(name === 'of another folder' ? 'tasks' : 'calendar', change(state)))
    expect(answer.codes).toEqual(['ErrorInvalidSyncStateData'])
  })

  it.each<[string, () => void]>([
    ['the states were invalidated', () => sim.invalidateSyncStates(ALICE)],
    ['the mailbox was reset', () => sim.resetMailbox(ALICE)],
  ])('refuses an old state after %s', async (_, happen) => {
    put(1)
    const { state } = await page('calendar')
    happen()
    expect((await ask(sim, sync('calendar', state))).codes).toEqual(['ErrorInvalidSyncStateData'])
  })

  it('gives every item a new id when the mailbox is reset, with the same content', async () => {
    const ids = put(2)
    sim.resetMailbox(ALICE)
    const { creates } = await page('calendar')
    expect(creates).toHaveLength(2)
    expect(creates.filter((id) => ids.includes(id))).toEqual([])
    expect(sim.items(ALICE).map((item) => item.fields['Subject'])).toEqual(['Item 0', 'Item 1'])
  })

  it('after a restored backup takes states from before the backup and refuses those since', async () => {
    const [id = ''] = put(1)
    const early = await page('calendar')
    const backup = sim.snapshot()
    sim.editItem(ALICE, id, { Subject: 'lost with the restore' })
    const late = await page('calendar', early.state)
    sim.restore(backup)
    expect((await ask(sim, sync('calendar', late.state))).codes).toEqual(['ErrorInvalidSyncStateData'])
    expect(await page('calendar', early.state)).toMatchObject({ updates: [], deletes: [] })
    expect(sim.items(ALICE)[0]?.fields['Subject']).toBe('Item 0')
    sim.editItem(ALICE, id, { Subject: 'after the restore' })
    expect(await page('calendar', early.state)).toMatchObject({ updates: [id] })
  })

  it('shows an emptied mailbox as deletions, and a silently lost one as nothing at all', async () => {
    const ids = put(2)
    const { state } = await page('calendar')
    const backup = sim.snapshot()
    sim.emptyMailbox(ALICE)
    expect((await page('calendar', state)).deletes.toSorted()).toEqual(ids.toSorted())
    sim.restore(backup)
    sim.emptyMailbox(ALICE, { silent: true })
    expect(await page('calendar', state)).toMatchObject({ deletes: [], last: true })
    expect(await page('calendar')).toMatchObject({ creates: [] })
  })

  it('cuts pages when told to', async () => {
    await sim.stop()
    sim = await startEwsSim({ forcePageSize: 1 })
    put(2)
    expect(await page('calendar')).toMatchObject({ last: false, creates: [expect.any(String)] })
  })

  it('touches a written item once more, some seconds later, with the same content', async () => {
    await sim.stop()
    sim = await startEwsSim({ touchAfterWrite: true })
    await ask(sim, createTask('<t:Subject>Call</t:Subject>'))
    const [before] = sim.items(ALICE)
    const { state } = await page('tasks')
    sim.clock.advance(3_000)
    expect((await page('tasks', state)).updates).toEqual([before?.id])
    const [after] = sim.items(ALICE)
    expect(after?.changeKey).not.toBe(before?.changeKey)
    expect(after?.fields).toEqual(before?.fields)
    sim.clock.advance(10_000)
    expect((await page('tasks')).creates).toHaveLength(1)
    expect(sim.items(ALICE)[0]?.changeKey).toBe(after?.changeKey)
  })
})

describe('FindItem', () => {
  const find = (restriction: string, folders: string, more = '') =>
    `<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="item:Subject"/></t:AdditionalProperties></m:ItemShape>` +
    `${more || '<m:IndexedPageItemView MaxEntriesReturned="10" Offset="0" BasePoint="Beginning"/>'}` +
    `${restriction ? `<m:Restriction>${restriction}</m:Restriction>` : ''}<m:ParentFolderIds>${folders}</m:ParentFolderIds></m:FindItem>`
  const calendar = '<t:DistinguishedFolderId Id="calendar"/>'
  const constant = (text: string) => `<t:FieldURIOrConstant><t:Constant Value="${text}"/></t:FieldURIOrConstant>`

  it('finds an item by its stamp in each of several folders', async () => {
    await ask(
      sim,
      createTask(`<t:Subject>Ours</t:Subject><t:ExtendedProperty>${STAMP}<t:Value>v1;7</t:Value></t:ExtendedProperty>`),
    )
    put(2, 'tasks')
    const answer = await ask(
      sim,
      find(
        `<t:IsEqualTo>${STAMP}${constant('v1;7')}</t:IsEqualTo>`,
        `${calendar}<t:DistinguishedFolderId Id="tasks"/>`,
      ),
    )
    expect(answer.codes).toEqual(['NoError', 'NoError'])
    expect(attributes(answer.text, 'RootFolder', 'TotalItemsInView')).toEqual(['0', '1'])
    expect(values(answer.text, 'Subject')).toEqual(['Ours'])
  })

  it.each([
    [
      'Contains',
      `<t:Contains ContainmentMode="Substring" ContainmentComparison="IgnoreCase"><t:FieldURI FieldURI="item:Subject"/><t:Constant Value="ROSSI"/></t:Contains>`,
      ['Visit Rossi'],
    ],
    [
      'Or',
      `<t:Or><t:IsEqualTo><t:FieldURI FieldURI="item:Subject"/>${constant('visit rossi')}</t:IsEqualTo><t:IsEqualTo><t:FieldURI FieldURI="item:Subject"/>${constant('Dentist')}</t:IsEqualTo></t:Or>`,
      ['Dentist', 'Visit Rossi'],
    ],
    [
      'And with a comparison of times',
      `<t:And><t:IsGreaterThan><t:FieldURI FieldURI="calendar:Start"/>${constant('2026-12-02T00:00:00Z')}</t:IsGreaterThan><t:Exists><t:FieldURI FieldURI="calendar:Location"/></t:Exists></t:And>`,
      ['Dentist'],
    ],
    ['Not', `<t:Not><t:Exists><t:FieldURI FieldURI="calendar:Location"/></t:Exists></t:Not>`, ['Lunch']],
  ])('understands %s', async (_, restriction, subjects) => {
    sim.putItem(ALICE, 'calendar', {
      Subject: 'Visit Rossi',
      Location: 'Milano',
      Start: '2026-12-01T09:00:00Z',
      End: '2026-12-01T10:00:00Z',
    })
    sim.putItem(ALICE, 'calendar', { Subject: 'Lunch', Start: '2026-12-03T09:00:00Z', End: '2026-12-03T10:00:00Z' })
    sim.putItem(ALICE, 'calendar', {
      Subject: 'Dentist',
      Location: 'Roma',
      Start: '2026-12-03T09:00:00Z',
      End: '2026-12-03T10:00:00Z',
    })
    const answer = await ask(sim, find(restriction, calendar))
    expect(values(answer.text, 'Subject').toSorted()).toEqual(subjects)
  })

  it('pages by offset and says when the end is reached', async () => {
    put(3)
    const view = (offset: number) =>
      `<m:IndexedPageItemView MaxEntriesReturned="2" Offset="${offset}" BasePoint="Beginning"/>`
    const first = await ask(sim, find('', calendar, view(0)))
    const second = await ask(sim, find('', calendar, view(2)))
    expect([first, second].map(({ text }) => attributes(text, 'RootFolder', 'IncludesLastItemInRange')[0])).toEqual([
      'false',
      'true',
    ])
    expect(new Set([...attributes(first.text, 'ItemId', 'Id'), ...attributes(second.text, 'ItemId', 'Id')]).size).toBe(
      3,
    )
  })

  it('shows a window of the calendar, up to two years wide', async () => {
    sim.putItem(ALICE, 'calendar', { Subject: 'in', Start: '2026-12-01T09:00:00Z', End: '2026-12-01T10:00:00Z' })
    sim.putItem(ALICE, 'calendar', { Subject: 'out', Start: '2027-12-01T09:00:00Z', End: '2027-12-01T10:00:00Z' })
    const view = (end: string) => `<m:CalendarView StartDate="2026-12-01T00:00:00Z" EndDate="${end}"/>`
    expect(values((await ask(sim, find('', calendar, view('2026-12-02T00:00:00Z')))).text, 'Subject')).toEqual(['in'])
    expect((await ask(sim, find('', calendar, view('2028-12-01T00:00:00Z')))).codes).toEqual(['NoError'])
    expect((await ask(sim, find('', calendar, view('2028-12-01T00:00:01Z')))).codes).toEqual([
      'ErrorCalendarViewRangeTooBig',
    ])
  })
})

describe('folders', () => {
  it('knows the distinguished folders by name and element', async () => {
    const ids = ['calendar', 'tasks', 'contacts', 'deleteditems']
      .map((id) => `<t:DistinguishedFolderId Id="${id}"/>`)
      .join('')
    const answer = await ask(
      sim,
      `<m:GetFolder><m:FolderShape><t:BaseShape>AllProperties</t:BaseShape></m:FolderShape><m:FolderIds>${ids}</m:FolderIds></m:GetFolder>`,
    )
    expect(values(answer.text, 'DisplayName')).toEqual(['Calendar', 'Tasks', 'Contacts', 'Deleted Items'])
    expect([...answer.text.matchAll(/<t:(\w*Folder)>/g)].map((match) => match[1])).toEqual([
      'CalendarFolder',
      'TasksFolder',
      'ContactsFolder',
      'Folder',
    ])
  })

  it('reports created, renamed and deleted folders in the hierarchy', async () => {
    const hierarchy = (state?: string) =>
      `<m:SyncFolderHierarchy><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape>${state ? `<m:SyncState>${state}</m:SyncState>` : ''}</m:SyncFolderHierarchy>`
    const changes = async (state?: string) => {
      const { text } = await ask(sim, hierarchy(state))
      return {
        kinds: [...text.matchAll(/<t:(Create|Update|Delete)>/g)].map((match) => match[1]),
        names: values(text, 'DisplayName'),
        state: value(text, 'SyncState'),
      }
    }
    const start = await changes()
    const made = await ask(
      sim,
      '<m:CreateFolder><m:ParentFolderId><t:DistinguishedFolderId Id="contacts"/></m:ParentFolderId><m:Folders><t:ContactsFolder><t:DisplayName>vtenext</t:DisplayName></t:ContactsFolder></m:Folders></m:CreateFolder>',
    )
    const id = `<t:FolderId Id="${attributes(made.text, 'FolderId', 'Id')[0]}" ChangeKey="${attributes(made.text, 'FolderId', 'ChangeKey')[0]}"/>`
    const created = await changes(start.state)
    expect(created).toMatchObject({ kinds: ['Create'], names: ['vtenext'] })
    const rename = `<m:UpdateFolder><m:FolderChanges><t:FolderChange>${id}<t:Updates><t:SetFolderField><t:FieldURI FieldURI="folder:DisplayName"/><t:ContactsFolder><t:DisplayName>CRM</t:DisplayName></t:ContactsFolder></t:SetFolderField></t:Updates></t:FolderChange></m:FolderChanges></m:UpdateFolder>`
    expect((await ask(sim, rename)).codes).toEqual(['NoError'])
    expect((await ask(sim, rename)).codes).toEqual(['ErrorStaleObject'])
    const renamed = await changes(created.state)
    expect(renamed).toMatchObject({ kinds: ['Update'], names: ['CRM'] })
    await ask(sim, `<m:DeleteFolder DeleteType="HardDelete"><m:FolderIds>${id}</m:FolderIds></m:DeleteFolder>`)
    expect((await changes(renamed.state)).kinds).toEqual(['Delete'])
  })

  it('resolves names to one, to several or to nobody', async () => {
    const resolve = (name: string) =>
      ask(
        sim,
        `<m:ResolveNames ReturnFullContactData="true"><m:UnresolvedEntry>${name}</m:UnresolvedEntry></m:ResolveNames>`,
      )
    expect(values((await resolve('alice')).text, 'EmailAddress')).toEqual([ALICE])
    sim.addMailbox({ address: 'alicia@example.test' })
    expect((await resolve('ali')).codes).toEqual(['ErrorNameResolutionMultipleResults'])
    expect((await resolve('zed')).codes).toEqual(['ErrorNameResolutionNoResults'])
  })
})
