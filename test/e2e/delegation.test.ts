import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { install, usualConfig } from './support/installation.ts'
import type { Installation } from './support/installation.ts'
import { meeting, visit } from './support/people.ts'
import { until } from './support/process.ts'
import { addressOf, startSimulators } from './support/simulators.ts'
import type { Simulators } from './support/simulators.ts'

let simulators: Simulators
let office: Installation
beforeAll(async () => {
  simulators = await startSimulators()
})
afterAll(() => simulators.stop())
beforeEach(async () => {
  await simulators.clear()
  const { exchange: [connection], users } = usualConfig(simulators)
  office = await install(simulators, { config: { exchange: [{ ...connection, impersonation: false, delegation: true }], users: users.slice(0, 2), groups: [] } })
})
afterEach(() => office.close())

const ROLES = { msgfolderroot: 'FolderVisible', calendar: 'Editor', tasks: 'Editor', contacts: 'PublishingEditor', deleteditems: 'Author' }
const grant = async (who: string) => {
  for (const [folder, role] of Object.entries(ROLES)) await simulators.control('ews/grant', { address: addressOf(who), folder, user: simulators.json.ews.service.username, role })
}

describe('a service account with folder rights only', () => {
  it('is told each right it lacks, and the command that gives it and no more; with these everything works', async () => {
    await grant('alice')
    const before = await office.run('doctor', '--json')
    const wrong = before.json.checks.filter((check: { ok: boolean }) => !check.ok)
    expect(before.code).toBe(1)
    expect(wrong.map((check: { of: string }) => check.of)).toEqual([addressOf('bob')])
    for (const [folder, role] of [['Calendar', 'Editor'], ['Tasks', 'Editor'], ['Contacts', 'PublishingEditor'], ['Deleted Items', 'Author'], ['', 'FolderVisible']]) {
      expect(wrong[0].cure).toContain(`Add-MailboxFolderPermission -Identity "bob@example.test:\\${folder}" -User "${simulators.json.ews.service.username}" -AccessRights ${role}`)
    }

    await grant('bob')
    expect((await office.run('doctor', '--json')).json.ok).toBe(true)
    await simulators.putItem('alice', 'calendar', meeting('Of alice'))
    await simulators.putRecord('bob', 'Events', visit('For bob'))
    await simulators.putRecord('alice', 'Contacts', { lastname: 'Rossi' })
    await office.sync()
    expect(await simulators.record('Events', 'Of alice')).toBeDefined()
    expect(await simulators.item('bob', 'For bob')).toBeDefined()
    expect(await simulators.items('alice', 'vtenext')).toHaveLength(1)
    await office.settled()
    const gone = await simulators.item('alice', 'Of alice')
    await simulators.deleteItem('alice', gone?.id ?? '', 'HardDelete')
    await office.sync()
    expect(await simulators.record('Events', 'Of alice')).toBeUndefined()

    const service = await office.start()
    await until('both are listened to', async () => ((await (await fetch(`${service.url}/readyz`)).json()) as any).mailboxes?.connected === 2, 30_000)
    await simulators.putItem('bob', 'calendar', meeting('Live'))
    await until('it is in the CRM', async () => (await simulators.record('Events', 'Live')) !== undefined, 20_000)
  })
})
