import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startEwsSim } from '../../sim/ews/index.ts'
import type { EwsSim } from '../../sim/ews/index.ts'
import { ask, values } from '../../sim/ews/test-client.ts'
import { instant } from '../model/index.ts'
import type { Sharing } from '../ports.ts'
import { createEwsConnection } from './connection.ts'
import type { EwsConnection } from './connection.ts'

const schemaDir = fileURLToPath(new URL('../../../shared/schemas/ews/', import.meta.url))
const log = { debug() {}, info() {}, warn() {}, error() {} }
const clock = { now: () => instant(Date.now()), elapsedMs: () => performance.now(), sleep: () => Promise.resolve() }
const ALICE = 'alice@example.test'
const BOB = 'bob@example.test'

let sim: EwsSim
let connection: EwsConnection
let sharing: Sharing
beforeEach(async () => {
  sim = await startEwsSim({ validate: existsSync(schemaDir) ? { schemaDir } : null })
  connection = createEwsConnection({ name: 'onprem', url: sim.url, auth: { kind: 'basic' }, credentials: sim.service, impersonation: true, log, clock })
  sharing = connection.sharing(ALICE)
})
afterEach(async () => {
  await connection.close()
  await sim.stop()
})

const GET = '<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="folder:PermissionSet"/></t:AdditionalProperties>'
  + '</m:FolderShape><m:FolderIds><t:DistinguishedFolderId Id="calendar"/></m:FolderIds></m:GetFolder>'
const permissionSet = async () => /<t:PermissionSet>.*<\/t:PermissionSet>/s.exec((await ask(sim, GET)).text)?.[0] ?? ''
const entry = (who: string, level: string, rights = '') => `<t:CalendarPermission><t:UserId>${who.includes('@') ? `<t:PrimarySmtpAddress>${who}</t:PrimarySmtpAddress>` : `<t:DistinguishedUser>${who}</t:DistinguishedUser>`}</t:UserId>`
  + `${rights}<t:CalendarPermissionLevel>${level}</t:CalendarPermissionLevel></t:CalendarPermission>`

/** As alice's Outlook would. */
async function inOutlook(...entries: string[]): Promise<void> {
  const key = /<t:FolderId [^>]*\/>/.exec((await ask(sim, GET)).text)?.[0] ?? ''
  const { codes } = await ask(sim, `<m:UpdateFolder><m:FolderChanges><t:FolderChange>${key}<t:Updates><t:SetFolderField><t:FieldURI FieldURI="folder:PermissionSet"/>`
    + `<t:CalendarFolder><t:PermissionSet><t:CalendarPermissions>${entries.join('')}</t:CalendarPermissions></t:PermissionSet></t:CalendarFolder></t:SetFolderField></t:Updates></t:FolderChange></m:FolderChanges></m:UpdateFolder>`)
  expect(codes).toEqual(['NoError'])
}
const CUSTOM = entry('carol@example.test', 'Custom', '<t:CanCreateItems>true</t:CanCreateItems><t:EditItems>Owned</t:EditItems><t:ReadItems>TimeOnly</t:ReadItems>')
const levels = async () => (await sharing.list()).map(({ type, address, level }) => `${address === '' ? type : address}: ${level}`)

describe('sharing a calendar', () => {
  it('lists who has what', async () => {
    await inOutlook(entry('Default', 'FreeBusyTimeOnly'), entry('Anonymous', 'None'), entry(BOB, 'FreeBusyTimeAndSubjectAndLocation'), CUSTOM)
    expect(await levels()).toEqual(['default: availability', 'anonymous: none', `${BOB}: details`, 'carol@example.test: more'])
    expect((await sharing.list()).at(-1)).toMatchObject({ name: 'Carol', role: 'Custom' })
  })

  it('changes one entry and leaves everybody else as they are, to the single right', async () => {
    await inOutlook(entry('Default', 'Reviewer'), CUSTOM, entry('Anonymous', 'FreeBusyTimeOnly'))
    const before = await permissionSet()
    expect((await sharing.give(BOB, 'availability', false)).type).toBe('written')
    expect(values(await permissionSet(), 'CalendarPermissionLevel')).toEqual(['Reviewer', 'Custom', 'FreeBusyTimeOnly', 'FreeBusyTimeOnly'])
    expect((await sharing.give(BOB, 'details', false)).type).toBe('written')
    expect((await sharing.remove(BOB, false)).type).toBe('written')
    expect(await permissionSet()).toBe(before)
  })

  it('writes nothing where the colleague has that level already', async () => {
    await sharing.give(BOB, 'availability', false)
    const { text } = await ask(sim, GET)
    expect((await sharing.give(BOB, 'availability', false)).type).toBe('unchanged')
    expect((await ask(sim, GET)).text).toBe(text)
  })

  it.each([['Reviewer', 'more'], ['FreeBusyTimeAndSubjectAndLocation', 'details']])('takes nothing from a colleague who has %s, unless told to', async (role, level) => {
    await inOutlook(entry('Default', 'FreeBusyTimeOnly'), entry(BOB, role))
    const refused = await sharing.give(BOB, 'availability', false)
    expect(refused).toMatchObject({ type: 'refused', before: { level, role } })
    expect(values(await permissionSet(), 'CalendarPermissionLevel')).toEqual(['FreeBusyTimeOnly', role])
    expect(await sharing.give(BOB, 'availability', true)).toMatchObject({ type: 'written', before: { role } })
    expect(await levels()).toEqual(['default: availability', `${BOB}: availability`])
  })

  it('removes free/busy entries, more only when told to, and an entry that shuts out not by itself', async () => {
    await inOutlook(entry('Default', 'FreeBusyTimeOnly'), entry(BOB, 'Editor'))
    expect((await sharing.remove(BOB, false)).type).toBe('refused')
    expect((await sharing.remove(BOB, true)).type).toBe('written')
    expect((await sharing.remove(BOB, false)).type).toBe('unchanged')
    await inOutlook(entry('Default', 'FreeBusyTimeOnly'), entry(BOB, 'None'))
    expect((await sharing.remove(BOB, false)).type).toBe('unchanged')
    expect(await levels()).toEqual(['default: availability', `${BOB}: none`])
  })

  it('knows a colleague by another address, and gives no second entry', async () => {
    await sharing.give(BOB, 'availability', false)
    sim.renameMailbox(BOB, 'robert@example.test')
    expect((await sharing.give(BOB, 'details', false)).type).toBe('written')
    expect(await levels()).toEqual(['default: availability', 'anonymous: none', 'robert@example.test: details'])
  })

  it('refuses somebody nobody knows, one whose address only begins so, and the owner', async () => {
    await expect(sharing.give('nobody@example.test', 'availability', false)).rejects.toThrow('knows nobody with the address nobody@example.test')
    await expect(sharing.give('bob@example', 'availability', false)).rejects.toThrow('knows nobody')
    await expect(sharing.give(ALICE, 'availability', false)).rejects.toThrow('owns this calendar')
  })

  it('starts again when somebody changed the permissions meanwhile, and overwrites nothing', async () => {
    sim.faults.add({ operation: 'UpdateFolder', effect: { type: 'error', code: 'ErrorStaleObject', status: 200 }, times: 2 })
    expect((await sharing.give(BOB, 'availability', false)).type).toBe('written')
    sim.faults.add({ operation: 'UpdateFolder', effect: { type: 'error', code: 'ErrorStaleObject', status: 200 }, times: 9 })
    await expect(sharing.give(BOB, 'details', false)).rejects.toThrow('ErrorStaleObject')
  })

  it('does not take a reply without permissions for an empty set', async () => {
    const opened = await import('./operations/get-folder-permissions.ts')
    const { parseXml } = await import('../lib/xml.ts')
    const reply = parseXml('<r><ResponseMessages><m ResponseClass="Success"><ResponseCode>NoError</ResponseCode><Folders><CalendarFolder><FolderId Id="a" ChangeKey="b"/></CalendarFolder></Folders></m></ResponseMessages></r>')
    expect(() => opened.getFolderPermissions.decode(reply)).toThrow('<CalendarPermissions> is missing')
  })

  it('tells of an account that is gone', async () => {
    await sharing.give(BOB, 'availability', false)
    sim.removeMailbox(BOB)
    expect((await sharing.list()).at(-1)).toMatchObject({ type: 'unknown', name: expect.stringMatching(/^S-1-5/) })
  })
})
