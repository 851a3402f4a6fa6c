import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { EITHER, startHouse } from './support/houses.ts'
import type { HouseSimulators } from './support/houses.ts'
import { day, install, NOTHING } from './support/installation.ts'
import type { Installation } from './support/installation.ts'
import { meeting, subjectsOf, visit } from './support/people.ts'

describe.each(EITHER)('with mailboxes %s', (house) => {
  let simulators: HouseSimulators
  let office: Installation

  beforeAll(async () => {
    simulators = await startHouse(house)
  })
  afterAll(() => simulators.stop())
  beforeEach(async () => {
    await simulators.clear()
    office = await install(simulators)
  })
  afterEach(() => office.close())

  const eventsInCrm = async () => subjectsOf(await simulators.records('Events'))
  const itemsOf = async (who: string, folder = 'calendar') => (await simulators.items(who, folder)).map(({ fields }) => String(fields['Subject'])).toSorted()
  const itemId = async (who: string, subject: string, folder = 'calendar') => (await simulators.item(who, subject, folder))?.id ?? ''
  const recordId = async (subject: string, module = 'Events') => (await simulators.record(module, subject))?.['id'] ?? ''

  /** Events of the CRM that stand in the mailbox, too. */
  async function inStep(who: string, count: number): Promise<string[]> {
    const names = Array.from({ length: count }, (_, index) => `Event ${String(index + 1).padStart(2, '0')}`)
    for (const [index, name] of names.entries()) await simulators.putRecord(who, 'Events', visit(name, { date_start: day(2 + index), due_date: day(2 + index) }))
    await office.sync()
    return names
  }

  async function emptyByHand(who: string): Promise<void> {
    for (const { id } of await simulators.items(who, 'calendar')) await simulators.deleteItem(who, id)
  }

  describe('a deletion', () => {
    it('follows each way: to the bin of the CRM, and to Deleted Items in Exchange', async () => {
      await simulators.putItem('alice', 'calendar', meeting('Deleted in Outlook'))
      await simulators.putItem('alice', 'calendar', meeting('Deleted for good in Outlook'))
      await simulators.putItem('alice', 'tasks', { Subject: 'Task deleted in Outlook', DueDate: day(2) })
      await simulators.putRecord('bob', 'Events', visit('Deleted in the CRM'))
      await simulators.putRecord('bob', 'Calendar', { subject: 'Task deleted in the CRM', date_start: day(1) })
      const contact = await simulators.putRecord('bob', 'Contacts', { lastname: 'Weber' })
      await office.sync()
      await simulators.deleteItem('alice', await itemId('alice', 'Deleted in Outlook'))
      await simulators.deleteItem('alice', await itemId('alice', 'Deleted for good in Outlook'), 'HardDelete')
      await simulators.deleteItem('alice', await itemId('alice', 'Task deleted in Outlook', 'tasks'))
      for (const id of [await recordId('Deleted in the CRM'), await recordId('Task deleted in the CRM', 'Calendar'), contact]) await simulators.control('vtenext/remove', { id })
      expect(await office.sync()).toMatchObject({ crm: { created: 0, updated: 0, deleted: 3 }, exchange: { created: 0, updated: 0, deleted: 3 }, held: 0 })
      expect([await simulators.records('Events'), await simulators.records('Calendar')]).toEqual([[], []])
      if (simulators.can('bob').deletedItems) expect(await itemsOf('bob', 'deleteditems')).toEqual(expect.arrayContaining(['Deleted in the CRM', 'Task deleted in the CRM']))
      expect([await itemsOf('bob'), await itemsOf('bob', 'tasks'), await simulators.items('bob', 'vtenext')]).toEqual([[], [], []])
      await office.settled()
    })

    it('gives way to an edit on the other side: the item comes back', async () => {
      await simulators.putItem('alice', 'calendar', meeting('Edited in the CRM'))
      await simulators.putItem('alice', 'calendar', meeting('Edited in Outlook'))
      await office.sync()
      await simulators.deleteItem('alice', await itemId('alice', 'Edited in the CRM'))
      await simulators.editRecord('alice', await recordId('Edited in the CRM'), { location: 'Torino' })
      await simulators.editItem('alice', await itemId('alice', 'Edited in Outlook'), { Location: 'Bari' })
      await simulators.control('vtenext/remove', { id: await recordId('Edited in Outlook') })
      expect(await office.sync()).toMatchObject({ exchange: { created: 1, deleted: 0 }, crm: { created: 1, deleted: 0 } })
      expect(await eventsInCrm()).toEqual(['Edited in Outlook', 'Edited in the CRM'])
      expect(await itemsOf('alice')).toEqual(['Edited in Outlook', 'Edited in the CRM'])
      expect((await simulators.record('Events', 'Edited in Outlook'))?.['location']).toBe('Bari')
      expect((await simulators.item('alice', 'Edited in the CRM'))?.fields).toMatchObject({ Location: 'Torino' })
      await office.settled()
    })

    it('is not what a move to another folder, a full reading or a restored record is', async () => {
      const [first = '', second = '', third = ''] = await inStep('alice', 3)
      await simulators.addFolder('alice', 'Archive')
      const archived = await simulators.moveItem('alice', await itemId('alice', first), 'Archive')
      await simulators.forgetStates()
      expect(await office.sync()).toMatchObject({ exchange: NOTHING, crm: NOTHING, held: 0 })
      expect(await eventsInCrm()).toEqual([first, second, third])

      // Moved back, it is the same item again.
      await simulators.moveItem('alice', archived.id, 'calendar')
      expect(await office.sync()).toMatchObject({ exchange: { created: 0, deleted: 0 }, crm: { created: 0, deleted: 0 } })
      await simulators.editRecord('alice', await recordId(first), { location: 'Torino' })
      await office.sync()
      expect((await simulators.item('alice', first))?.fields).toMatchObject({ Location: 'Torino' })

      const id = await recordId(second)
      await simulators.control('vtenext/remove', { id })
      expect(await office.sync()).toMatchObject({ exchange: { deleted: 1 } })
      await simulators.control('vtenext/restore', { id })
      expect(await office.sync()).toMatchObject({ exchange: { created: 1, deleted: 0 }, crm: { created: 0, deleted: 0 } })
      expect(await itemsOf('alice')).toEqual([first, second, third])
      await office.settled()
    })
  })

  describe('more than ten deletions and a fifth of a mailbox in one sync', () => {
    it('wait, are listed with their reason, and are carried out with "apply"', async () => {
      const names = await inStep('alice', 12)
      await simulators.putRecord('bob', 'Events', visit('Of bob'))
      await office.sync()
      await emptyByHand('alice')
      await simulators.deleteItem('bob', await itemId('bob', 'Of bob'))
      // Another mailbox is not stopped by it.
      expect(await office.sync()).toMatchObject({ crm: { created: 0, updated: 0, deleted: 1 }, exchange: NOTHING, held: 12 })
      expect(await eventsInCrm()).toEqual(names)
      const { held } = (await office.run('held', '--json')).json
      expect(held).toHaveLength(12)
      expect(held[0]).toMatchObject({ mailbox: 'alice@example.test', what: 'delete-crm', reason: '12 of 12 linked items vanished in one run, more than the limit allows' })
      expect((await office.run('held')).stdout).toContain('more than the limit allows')
      expect((await office.run('status')).stdout).toMatch(/alice@example\.test .* 12 /)
      const decided = await office.run('held', '--decide', 'all', '--as', 'apply')
      expect([decided.code, decided.stdout.trim()]).toEqual([0, 'Decided 12; the next sync carries it out.'])
      expect(await office.sync()).toMatchObject({ crm: { created: 0, updated: 0, deleted: 12 }, exchange: NOTHING, held: 0 })
      expect(await eventsInCrm()).toEqual([])
    })

    it('are undone with "restore"', async () => {
      const names = await inStep('alice', 12)
      for (const name of names) await simulators.control('vtenext/remove', { id: await recordId(name) })
      expect(await office.sync()).toMatchObject({ exchange: NOTHING, crm: NOTHING, held: 12 })
      expect(await itemsOf('alice')).toEqual(names)
      await office.run('held', '--decide', 'all', '--as', 'restore')
      expect(await office.sync()).toMatchObject({ exchange: { created: 0, deleted: 0 }, crm: { created: 12, deleted: 0 }, held: 0 })
      expect(await eventsInCrm()).toEqual(names)
      await office.settled()
    })

    it('are forgotten with "unlink": what is left stays where it is, also when it is edited', async () => {
      const names = await inStep('alice', 12)
      await emptyByHand('alice')
      await office.sync()
      const wrong = await office.run('held', '--decide', 'all', '--as', 'delete')
      expect([wrong.code, wrong.stderr.trim()]).toEqual([2, 'Say how: --as apply, --as restore, --as unlink.'])
      await office.run('held', '--decide', 'all', '--as', 'unlink', '--json')
      expect(await office.sync()).toMatchObject({ exchange: NOTHING, crm: NOTHING, held: 0 })
      await simulators.editRecord('alice', await recordId(names[0] ?? ''), { location: 'Torino' })
      await office.settled()
      expect([await eventsInCrm(), await itemsOf('alice')]).toEqual([names, []])
    })
  })

  describe('a server that lost its items deletes nothing on the other side', () => {
    it('a mailbox that was emptied without a trace', async () => {
      const names = await inStep('alice', 6)
      await simulators.emptyMailbox('alice', { silent: true })
      await simulators.forgetStates()
      expect(await office.sync()).toMatchObject({ crm: NOTHING, exchange: NOTHING, held: 6 })
      await office.settled()
      expect(await eventsInCrm()).toEqual(names)
    })

    it('a mailbox whose ids are all new', async () => {
      const names = await inStep('alice', 6)
      await simulators.resetMailbox('alice')
      expect(await office.sync()).toMatchObject({ crm: { created: 0, deleted: 0 }, exchange: { created: 0, deleted: 0 }, held: 0 })
      await office.settled()
      expect([await eventsInCrm(), await itemsOf('alice')]).toEqual([names, names])
      await simulators.editItem('alice', await itemId('alice', names[0] ?? ''), { Location: 'Torino' })
      expect(await office.sync()).toMatchObject({ crm: { created: 0, updated: 1 } })
    })

    it('an Exchange server that was restored from a backup', async () => {
      const [first = '', second = ''] = await inStep('alice', 2)
      await simulators.backUp()
      await simulators.putItem('alice', 'calendar', meeting('After the backup'))
      await simulators.editItem('alice', await itemId('alice', first), { Location: 'Torino' })
      await simulators.deleteItem('alice', await itemId('alice', second))
      await office.sync()
      await simulators.restoreBackup()
      const report = await office.sync()
      expect(report.crm.deleted).toBe(0)
      expect(report.exchange.deleted).toBe(0)
      expect(await eventsInCrm()).toEqual(expect.arrayContaining(['After the backup', first]))
      await office.settled()
    })

    it('a CRM that lost every record', async () => {
      const names = await inStep('alice', 6)
      await simulators.control('vtenext/emptyAll')
      expect(await office.sync()).toMatchObject({ exchange: { created: 0, deleted: 0 }, held: expect.any(Number) })
      expect(await itemsOf('alice')).toEqual(names)
      await office.settled()
    })

    it('a CRM that was set up anew: a record with the number of an old one is another record', async () => {
      const names = await inStep('alice', 3)
      const used = await recordId(names[0] ?? '')
      await simulators.control('clock', { advanceMs: 60_000 })
      await simulators.control('vtenext/reset')
      const stranger = await simulators.putRecord('alice', 'Events', visit('Stranger'))
      expect(stranger).toBe(used)
      const report = await office.sync()
      expect(report.exchange.deleted).toBe(0)
      expect(await itemsOf('alice')).toEqual(expect.arrayContaining([...names, 'Stranger']))
      await office.settled()
    })
  })
})
