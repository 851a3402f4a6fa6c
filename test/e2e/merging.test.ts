import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { EITHER, startHouse } from './support/houses.ts'
import type { HouseSimulators } from './support/houses.ts'
import { install } from './support/installation.ts'
import type { Installation } from './support/installation.ts'
import { meeting } from './support/people.ts'

describe.each(EITHER)('with mailboxes %s', (house) => {
  let simulators: HouseSimulators
  let office: Installation

  beforeAll(async () => {
    simulators = await startHouse(house)
  })
  afterAll(() => simulators.stop())
  beforeEach(async () => {
    await simulators.clear()
    office = await install(simulators, { config: { users: [simulators.userOf('alice')] } })
  })
  afterEach(() => office.close())

  /** Pairs in step, by name. */
  async function pairs(...names: string[]): Promise<(name: string) => Promise<Pair>> {
    for (const name of names) await simulators.putItem('alice', 'calendar', meeting(name, { Location: 'Milano' }))
    await office.sync()
    const ids = new Map<string, { item: string; record: string }>()
    for (const name of names) {
      const item = await simulators.item('alice', name)
      const record = await simulators.record('Events', name)
      ids.set(name, { item: item?.id ?? '', record: record?.['id'] ?? '' })
    }
    return async (name) => {
      const { item, record } = ids.get(name) ?? { item: '', record: '' }
      return {
        item, record,
        inOutlook: (await simulators.items('alice', 'calendar')).find(({ id }) => id === item)?.fields ?? {},
        inCrm: (await simulators.records('Events')).find(({ id }) => id === record) ?? {},
      }
    }
  }

  interface Pair {
    readonly item: string
    readonly record: string
    readonly inOutlook: Record<string, unknown>
    readonly inCrm: Record<string, unknown>
  }

  const inOutlook = (pair: Pair, fields: object) => simulators.editItem('alice', pair.item, { ...fields })
  const inCrm = (pair: Pair, fields: object) => simulators.editRecord('alice', pair.record, fields)
  const later = () => simulators.control('clock', { advanceMs: 2000 })

  describe('an event edited on both sides', () => {
    it('keeps both edits where they touch different fields', async () => {
      const find = await pairs('Visit')
      const visit = await find('Visit')
      await inOutlook(visit, { Subject: 'Visit to Rossi' })
      await inCrm(visit, { location: 'Torino' })
      expect(await office.sync()).toMatchObject({ exchange: { updated: 1 }, crm: { updated: 1 }, conflicts: 0 })
      const merged = await find('Visit')
      expect(merged.inOutlook).toMatchObject({ Subject: 'Visit to Rossi', Location: 'Torino' })
      expect(merged.inCrm).toMatchObject({ subject: 'Visit to Rossi', location: 'Torino' })
      await office.settled()
    })

    it('takes the newer value of a field that both changed, in either order, and records all three', async () => {
      const find = await pairs('Outlook last', 'CRM last')
      await inCrm(await find('Outlook last'), { location: 'from the CRM' })
      await inOutlook(await find('CRM last'), { Location: 'from Outlook' })
      await later()
      await inOutlook(await find('Outlook last'), { Location: 'from Outlook' })
      await inCrm(await find('CRM last'), { location: 'from the CRM' })
      expect(await office.sync()).toMatchObject({ exchange: { updated: 1 }, crm: { updated: 1 }, conflicts: 2 })
      expect([(await find('Outlook last')).inCrm['location'], (await find('Outlook last')).inOutlook['Location']]).toEqual(['from Outlook', 'from Outlook'])
      expect([(await find('CRM last')).inCrm['location'], (await find('CRM last')).inOutlook['Location']]).toEqual(['from the CRM', 'from the CRM'])
      const { conflicts } = (await office.run('conflicts', '--all', '--json')).json
      expect(conflicts.map(({ field, base, exchange, crm, winner }: any) => ({ field, base, exchange, crm, winner })).toSorted((a: any, b: any) => (a.winner < b.winner ? -1 : 1))).toEqual([
        { field: 'place', base: 'Milano', exchange: 'from Outlook', crm: 'from the CRM', winner: 'crm' },
        { field: 'place', base: 'Milano', exchange: 'from Outlook', crm: 'from the CRM', winner: 'exchange' },
      ])
      await office.settled()
    })

    it.each([
      ['crm', 'from the CRM'],
      ['exchange', 'from Outlook'],
    ])('takes the value of the %s where the policy says so, however old it is', async (winner, kept) => {
      const find = await pairs('Older in Outlook', 'Older in the CRM')
      office.configure({ policy: { conflict: winner } })
      await inOutlook(await find('Older in Outlook'), { Location: 'from Outlook' })
      await inCrm(await find('Older in the CRM'), { location: 'from the CRM' })
      await later()
      await inCrm(await find('Older in Outlook'), { location: 'from the CRM' })
      await inOutlook(await find('Older in the CRM'), { Location: 'from Outlook' })
      expect(await office.sync()).toMatchObject({ conflicts: 2 })
      for (const name of ['Older in Outlook', 'Older in the CRM']) {
        const pair = await find(name)
        expect([pair.inOutlook['Location'], pair.inCrm['location']]).toEqual([kept, kept])
      }
    })

    it('waits for a human where the policy is "ask", and the next sync carries the decision out', async () => {
      const find = await pairs('For Outlook', 'For the CRM')
      office.configure({ policy: { conflict: 'ask' } })
      for (const name of ['For Outlook', 'For the CRM']) {
        await inOutlook(await find(name), { Location: 'from Outlook', Subject: `${name}!` })
        await inCrm(await find(name), { location: 'from the CRM' })
      }
      // What does not clash is not kept waiting.
      expect(await office.sync()).toMatchObject({ crm: { updated: 2 }, exchange: { updated: 0 }, conflicts: 2 })
      for (const name of ['For Outlook', 'For the CRM']) {
        const pair = await find(name)
        expect([pair.inOutlook['Location'], pair.inCrm['location'], pair.inCrm['subject']]).toEqual(['from Outlook', 'from the CRM', `${name}!`])
      }

      const { conflicts } = (await office.run('conflicts', '--json')).json
      expect(conflicts).toHaveLength(2)
      const table = (await office.run('conflicts')).stdout
      for (const word of ['place', 'Milano', 'from Outlook', 'from the CRM', 'open']) expect(table).toContain(word)
      const idOf = async (name: string) => conflicts.find((one: any) => one.record === conflictRecord(name))?.id
      const records = new Map([['For Outlook', (await find('For Outlook')).record], ['For the CRM', (await find('For the CRM')).record]])
      const conflictRecord = (name: string) => records.get(name)
      expect((await office.run('conflicts', '--decide', await idOf('For Outlook'), '--take', 'exchange')).code).toBe(0)
      expect((await office.run('conflicts', '--decide', await idOf('For the CRM'), '--take', 'crm')).code).toBe(0)
      expect(await office.sync()).toMatchObject({ crm: { updated: 1 }, exchange: { updated: 1 }, conflicts: 0 })
      expect([(await find('For Outlook')).inCrm['location'], (await find('For the CRM')).inOutlook['Location']]).toEqual(['from Outlook', 'from the CRM'])
      expect((await office.run('conflicts', '--json')).json.conflicts).toEqual([])
      await office.settled()
    })

    it('says so when a conflict cannot be decided as asked', async () => {
      const unknown = await office.run('conflicts', '--decide', 'nothing', '--take', 'crm')
      expect([unknown.code, unknown.stderr.trim()]).toEqual([2, 'There is no conflict nothing. "exchange-connector conflicts" lists them.'])
      const sideless = await office.run('conflicts', '--decide', 'nothing')
      expect([sideless.code, sideless.stderr.trim()]).toEqual([2, 'Say whose value is kept: --take exchange or --take crm.'])
    })
  })
})
