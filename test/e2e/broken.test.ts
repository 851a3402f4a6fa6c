import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { EITHER, startHouse } from './support/houses.ts'
import type { HouseSimulators } from './support/houses.ts'
import { install, NOTHING } from './support/installation.ts'
import type { Installation } from './support/installation.ts'
import { meeting, subjectsOf, visit } from './support/people.ts'
import { told } from './support/process.ts'

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
    await simulators.putItem('alice', 'calendar', meeting('Of alice'))
    await simulators.putItem('bob', 'calendar', meeting('Of bob'))
  })
  afterEach(() => office.close())

  const subjects = async () => subjectsOf(await simulators.records('Events'))

  describe('an answer that is', () => {
    const CASES = [
      // Half; an empty error, with and without the work being done; something that is no answer at all.
      ['vtesync.get_changes', { type: 'half' }], ['create', { type: 'status', status: 500 }], ['create', { type: 'status-after', status: 500 }],
      ['create', { type: 'status', status: 200, body: '<html>Please log in</html>' }],
    ] as const
    const OF_EXCHANGE = [['changes', { type: 'half' }], ['create', { type: 'half' }], ['create', { type: 'status-after', status: 503 }], ['read', { type: 'status', status: 500 }]] as const

    it('half, empty or something else loses nothing and makes nothing twice', async () => {
      await simulators.putRecord('carol', 'Events', visit('Of carol'))
      for (const [operation, effect] of CASES) await simulators.control('vtenext/faults', { operation, times: 1, effect })
      for (const [operation, effect] of OF_EXCHANGE) await simulators.fault(operation, effect)
      for (let turn = 0; turn < 4; turn++) {
        const ran = await office.trySync()
        expect(ran.stderr).not.toMatch(/\n\s+at /)
        expect([0, 1]).toContain(ran.code)
        for (const { message } of ran.json.errors) expect(message).toMatch(/(CRM|Exchange|mailbox|EWS|onprem|cloud)/i)
      }
      expect(await subjects()).toEqual(['Of alice', 'Of bob', 'Of carol'])
      expect(await simulators.items('carol', 'calendar')).toHaveLength(1)
      await office.settled()
    })
  })

  describe('a record that', () => {
    it('has an impossible date is named and hurts no other; corrected, it is synchronised', async () => {
      const id = await simulators.putRecord('carol', 'Events', visit('Impossible', { date_start: '0000-00-00', due_date: '0000-00-00' }))
      const ran = await office.trySync()
      expect(ran.code).toBe(1)
      expect(told(ran)).toMatch(new RegExp(`${id}.*0000-00-00.*Correct it in the CRM`))
      expect(await subjects()).toEqual(['Impossible', 'Of alice', 'Of bob'])
      expect((await office.run('status', '--item', id)).stdout).toMatch(/left alone/)
      // It was reported; until somebody touches it there is nothing to say again.
      await office.settled()
      const mended = visit('Impossible')
      await simulators.editRecord('carol', id, { date_start: mended.date_start, due_date: mended.due_date })
      expect(await office.sync()).toMatchObject({ exchange: { created: 1 } })
    })

    it('belongs to somebody who does not exist goes nowhere, and home once it is given to a person', async () => {
      const admin = await simulators.crmClient('admin')
      await admin.error('POST', 'create', { elementType: 'Events', element: JSON.stringify({ ...visit('Orphan'), activitytype: 'Meeting', eventstatus: 'Planned', duration_hours: '1', assigned_user_id: '19x999' }) })
      const [orphan] = (await simulators.records('Events')).filter(({ subject }) => subject === 'Orphan')
      expect(orphan).toBeDefined()
      expect(await office.sync()).toMatchObject({ exchange: NOTHING, crm: { created: 2 } })
      await simulators.editRecord('admin', orphan?.['id'] ?? '', { assigned_user_id: await userId('carol') })
      expect(await office.sync()).toMatchObject({ exchange: { created: 1 } })
      expect(await simulators.item('carol', 'Orphan')).toBeDefined()
    })
  })

  async function userId(name: string): Promise<string> {
    const { users } = await simulators.control('vtenext/users')
    return users.find(({ username }: { username: string }) => username === name).id
  }
})
