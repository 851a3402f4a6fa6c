import { afterEach, describe, expect, it } from 'vitest'
import { startEwsSim } from '../../sim/ews/index.ts'
import type { EwsSim, EwsSimOptions } from '../../sim/ews/index.ts'
import { assigneeId, instant, mailboxId } from '../model/index.ts'
import type { Item, Mailbox, Stamp, Token } from '../model/index.ts'
import type { Clock, Exchange, Log } from '../ports.ts'
import { createEwsConnection } from './index.ts'
import type { Check, EwsConnection, EwsConnectionOptions } from './index.ts'

const log: Log = { debug() {}, info() {}, warn() {}, error() {} }
let passedMs = 0
const clock: Clock = {
  now: () => instant(0), elapsedMs: () => performance.now() + passedMs,
  sleep: (ms, signal) => new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal?.addEventListener('abort', () => { clearTimeout(timer); resolve() }, { once: true })
  }),
}
const alice: Mailbox = { id: mailboxId('m1'), address: 'alice@example.test', user: 'alice', userId: assigneeId('19x5'), connection: 'onprem', zone: 'UTC' }
const none = () => Promise.resolve(new Map())
const token = '11111111-2222-4333-8444-555555555555' as Token
const task = (subject: string): Item => ({ kind: 'task', fields: { subject } })

let sim: EwsSim
let connection: EwsConnection
let mailbox: Exchange
afterEach(async () => {
  await connection.close()
  await sim.stop()
  passedMs = 0
})

async function start(options: EwsSimOptions = {}, more: Partial<EwsConnectionOptions> = {}): Promise<void> {
  sim = await startEwsSim(options)
  connection = createEwsConnection({
    name: 'onprem', url: sim.url, auth: { kind: 'basic' }, credentials: sim.service, impersonation: true, log, clock,
    streaming: { collectMs: 1, debounceMs: 1, backOffMs: [5, 20], askHumanMs: 20 }, ...more,
  })
  mailbox = connection.mailbox(alice)
}
const trouble = (checks: readonly Check[]) => checks.find(({ ok }) => !ok)
const subjects = async (kind: 'event' | 'task' | 'contact' = 'task') => {
  const page = await mailbox.pull(kind, null, none)
  if (page.type !== 'page') throw new Error(page.type)
  return page.changes.flatMap((change) => (change.type === 'seen' && 'subject' in change.snapshot.item.fields ? [change.snapshot.item.fields.subject] : []))
}
async function until(what: string, holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 20_000; !holds();) {
    if (Date.now() > end) throw new Error(`Never ${what}`)
    await clock.sleep(3)
  }
}

describe('a mailbox that', () => {
  it.each([
    ['is disabled', 'disabled', 'EWS_DISABLED', 'ask-human', 'Enable-ADAccount (Get-User "alice@example.test").SamAccountName'],
    ['has an expired password', 'password-expired', 'EWS_PASSWORD_EXPIRED', 'ask-human', 'Set-ADAccountPassword "svc" -Reset'],
    ['is on a database that is down', 'offline', 'EWS_TRANSIENT', 'retry', ''],
  ] as const)('%s says so, with the command, and goes on when it is well', async (_what, condition, code, remedy, cure) => {
    await start()
    await mailbox.open()
    sim.setCondition(alice.address, condition)
    await expect(mailbox.pull('task', null, none)).rejects.toMatchObject({ code, remedy })
    const found = trouble(await connection.check(alice.address))
    expect(found?.detail).toContain('example.test')
    expect(found?.cure).toContain(cure)
    sim.setCondition(alice.address, null)
    expect(await mailbox.pull('task', null, none)).toMatchObject({ type: 'page' })
  })

  it('is full is still read; its writes wait with the reason and are done when there is room', async () => {
    await start()
    await mailbox.open()
    sim.setCondition(alice.address, 'full')
    expect(await mailbox.pull('task', null, none)).toMatchObject({ type: 'page' })
    expect(await mailbox.create([{ item: task('later'), token }])).toMatchObject([{ type: 'failed', error: { code: 'EWS_MAILBOX_FULL', scope: 'mailbox', remedy: 'ask-human', outcomeUnknown: false } }])
    sim.setCondition(alice.address, null)
    expect(await mailbox.create([{ item: task('later'), token }])).toMatchObject([{ type: 'done' }])
  })

  it('has another address now is followed, and the doctor tells the new one', async () => {
    await start()
    await mailbox.open()
    sim.renameMailbox(alice.address, 'alice.bianchi@example.test')
    sim.putItem('alice.bianchi@example.test', 'tasks', { Subject: 'after the wedding' })
    expect(await subjects()).toEqual(['after the wedding'])
    const checks = await connection.check(alice.address)
    expect(trouble(checks)).toBeUndefined()
    expect(checks.find(({ name }) => name === 'access')?.detail).toContain('Its address is alice.bianchi@example.test now: correct it under "users"')
  })

  it('does not exist says how to find the right one', async () => {
    await start()
    expect(trouble(await connection.check('nobody@example.test'))).toMatchObject({ name: 'access', cure: expect.stringContaining('Get-Mailbox -Anr "nobody" | fl PrimarySmtpAddress') })
  })
})

describe('a folder that', () => {
  const stamp: Stamp = { instance: 'crm-1', kind: 'contact', record: '11x7' as never, token }
  const contact = (lastName: string): Item => ({ kind: 'contact', fields: { lastName } })

  it('was renamed by its user is still the one for contacts', async () => {
    await start()
    await mailbox.create([{ item: contact('Rossi'), token, stamp }])
    sim.renameFolder(alice.address, 'vtenext', 'Clients')
    const again = connection.mailbox({ ...alice, zone: 'Europe/Rome' })
    await again.open()
    expect(await again.pull('contact', null, none)).toMatchObject({ changes: [{ type: 'seen' }] })
    expect(() => sim.items(alice.address, 'vtenext')).toThrow('has no folder vtenext')
  })

  it('was deleted by its user is made anew at the next look, and its sync state asks for a fresh start', async () => {
    await start()
    await mailbox.create([{ item: contact('Rossi'), token, stamp }])
    const page = await mailbox.pull('contact', null, none)
    sim.removeFolder(alice.address, 'vtenext')
    const since = page.type === 'page' ? page.next : null
    await expect(mailbox.pull('contact', since, none)).rejects.toMatchObject({ code: 'EWS_FOLDER_GONE', scope: 'folder', remedy: 'retry' })
    expect(await mailbox.pull('contact', since, none)).toEqual({ type: 'resync-required' })
    expect(await mailbox.pull('contact', null, none)).toMatchObject({ type: 'page', changes: [] })
  })

  it('became the calendar in place of another is noticed within the hour, by hints too', async () => {
    await start()
    const rung: string[] = []
    await mailbox.open()
    connection.hints().watch(alice, (kinds) => { rung.push(kinds.join()) })
    await until('connected', () => connection.hints().connected().size === 1)
    sim.addFolder(alice.address, { name: 'Shared tasks', folderClass: 'IPF.Task' })
    sim.setDefaultFolder(alice.address, 'tasks', 'Shared tasks')
    sim.putItem(alice.address, 'tasks', { Subject: 'in the new one' })
    expect(await subjects()).toEqual([])
    passedMs += 61 * 60_000
    expect(await subjects()).toEqual(['in the new one'])
    // The stream ends in due time, and the next one listens where the items are.
    sim.clock.advance(31 * 60_000)
    await until('subscribed anew', () => rung.filter((kinds) => kinds === 'event,task,contact').length > 1)
    sim.putItem(alice.address, 'tasks', { Subject: 'live' })
    await until('rung', () => rung.includes('task'))
  })

  it('lies in the archive is searched for what vanished', async () => {
    await start()
    const [made] = await mailbox.create([{ item: task('old'), token, stamp: { ...stamp, kind: 'task' } }])
    sim.addArchive(alice.address, { name: 'Old tasks', folderClass: 'IPF.Task' })
    sim.moveItem(alice.address, made?.type === 'done' ? made.snapshot.id : '', 'Old tasks')
    expect(await mailbox.locate('task', token, null)).toEqual({ where: 'elsewhere' })
  })
})

describe('a search for what vanished', () => {
  it('lists the folders once, also of a mailbox without an archive', async () => {
    await start()
    await mailbox.locate('task', token, null)
    const before = sim.requests
    for (let times = 0; times < 5; times += 1) expect(await mailbox.locate('task', token, null)).toEqual({ where: 'nowhere' })
    expect(sim.requests - before).toBe(5)
  })

  it('says nothing of an item while the archive is out of reach', async () => {
    await start()
    sim.faults.add({ operation: 'FindFolder', skip: 2, times: 1, effect: { type: 'error', code: 'ErrorMailboxStoreUnavailable', status: 200 } })
    await expect(mailbox.locate('task', token, null)).rejects.toMatchObject({ code: 'EWS_TRANSIENT' })
    expect(await mailbox.locate('task', token, null)).toEqual({ where: 'nowhere' })
  })
})

describe('a service account with folder rights only', () => {
  const delegation = async (roles: Readonly<Record<string, string>>) => {
    sim = await startEwsSim()
    for (const [folder, role] of Object.entries(roles)) sim.grant(alice.address, folder, sim.service.username, role)
    connection = createEwsConnection({
      name: 'onprem', url: sim.url, auth: { kind: 'basic' }, credentials: sim.service, impersonation: false, delegation: true, log, clock,
      streaming: { collectMs: 1, debounceMs: 1, backOffMs: [5, 20], askHumanMs: 20 },
    })
    mailbox = connection.mailbox(alice)
  }
  const INSIDE = { calendar: 'Editor', tasks: 'Editor', contacts: 'PublishingEditor', deleteditems: 'Author' }
  const ENOUGH = { msgfolderroot: 'FolderVisible', ...INSIDE }

  it('reads, writes, deletes, searches and hears of changes', async () => {
    await delegation(ENOUGH)
    await mailbox.open()
    let rung = 0
    connection.hints().watch(alice, () => { rung += 1 })
    await until('connected', () => connection.hints().connected().size === 1)
    const before = rung
    sim.putItem(alice.address, 'tasks', { Subject: 'hers' })
    await until('rung', () => rung > before)
    const [made] = await mailbox.create([{ item: task('ours'), token, stamp: { instance: 'crm-1', kind: 'task', record: '9x1' as never, token } }])
    if (made?.type !== 'done') throw new Error(JSON.stringify(made))
    expect((await subjects()).toSorted()).toEqual(['hers', 'ours'])
    expect(await mailbox.update([{ id: made.snapshot.id, kind: 'task', fields: { subject: 'ours again' }, expect: made.snapshot.changeKey }])).toMatchObject([{ type: 'done' }])
    const [fresh] = await mailbox.get('task', [made.snapshot.id])
    expect(await mailbox.remove([{ id: made.snapshot.id, kind: 'task', expect: fresh?.type === 'seen' ? fresh.snapshot.changeKey : made.snapshot.changeKey }])).toMatchObject([{ type: 'removed' }])
    expect(await mailbox.locate('task', token, null)).toEqual({ where: 'deleted-items' })
    expect(trouble(await connection.check(alice.address))).toBeUndefined()
    expect(sim.items(alice.address, 'tasks').map(({ fields }) => fields['Subject'])).toEqual(['hers'])
  })

  it.each([
    ['the calendar', { ...ENOUGH, calendar: 'Reviewer' }, 'Calendar (CreateContents, Modify, Delete)', 'Set-MailboxFolderPermission -Identity "alice@example.test:\\Calendar" -User "svc@example.test" -AccessRights Editor'],
    ['contacts', { ...ENOUGH, contacts: 'Editor' }, 'Contacts (CreateHierarchy)', 'Set-MailboxFolderPermission -Identity "alice@example.test:\\Contacts" -User "svc@example.test" -AccessRights PublishingEditor'],
    ['the mailbox itself', INSIDE, 'the mailbox itself (FolderVisible)', 'Add-MailboxFolderPermission -Identity "alice@example.test:\\" -User "svc@example.test" -AccessRights FolderVisible'],
    ['everything', {}, 'Calendar (every right); Tasks (every right)', 'Add-MailboxFolderPermission -Identity "alice@example.test:\\Tasks" -User "svc@example.test" -AccessRights Editor'],
  ])('that lacks rights in %s is told which, with the command that grants just them', async (_what, roles, detail, command) => {
    await delegation(roles)
    const found = trouble(await connection.check(alice.address))
    expect(found).toMatchObject({ name: 'access', detail: expect.stringContaining(detail), cure: expect.stringContaining(command) })
    if (!found?.cure.includes('every')) expect(found?.cure.match(/-MailboxFolderPermission/g)?.length).toBe(Object.keys(roles).length === 0 ? 5 : 1)
  })

  it('does nothing in a mailbox nobody let it into', async () => {
    await delegation({})
    await expect(mailbox.open()).rejects.toMatchObject({ code: 'EWS_FOLDER_GONE' })
  })
})

describe('a service account that may not impersonate', () => {
  it('is told the command that limits it to one group', async () => {
    await start()
    await connection.close()
    connection = createEwsConnection({
      name: 'onprem', url: sim.url, auth: { kind: 'basic' }, credentials: { username: 'bob@example.test', password: 'bob-password' }, impersonation: true, log, clock,
    })
    expect(trouble(await connection.check(alice.address))).toMatchObject({
      name: 'access',
      cure: expect.stringMatching(/New-ManagementScope .*MemberOfGroup.*New-ManagementRoleAssignment .*-Role ApplicationImpersonation -User "bob@example.test" -CustomRecipientWriteScope "CRM mailboxes"$/),
    })
  })
})
