import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { install, usualConfig } from './support/installation.ts'
import type { Installation } from './support/installation.ts'
import { meeting } from './support/people.ts'
import { until } from './support/process.ts'
import { startSimulators } from './support/simulators.ts'
import type { Simulators } from './support/simulators.ts'

let simulators: Simulators
let office: Installation
beforeAll(async () => {
  simulators = await startSimulators()
})
afterEach(() => office.close())
afterAll(() => simulators.stop())

it('a configuration file that was changed is followed on SIGHUP; one with mistakes is told and changes nothing', async () => {
  const { users } = usualConfig(simulators)
  office = await install(simulators, { config: { users: users.slice(0, 1), groups: [] } })
  const service = await office.start()
  const inCrm = (name: string) => until(`"${name}" is in the CRM`, async () => (await simulators.record('Events', name)) !== undefined, 30_000)
  await simulators.putItem('alice', 'calendar', meeting('Before'))
  await inCrm('Before')

  office.write('crm:\n  kind: vtenext\n url: oops\n')
  service.kill('SIGHUP')
  await until('the mistake is told', () => /not taken over: .*connector\.yaml, line 3/.test(service.stdout()))
  await simulators.putItem('alice', 'calendar', meeting('As if nothing had been'))
  await inCrm('As if nothing had been')

  await simulators.putItem('bob', 'calendar', meeting('Of bob'))
  office.configure({ users: users.slice(0, 2), groups: [] })
  service.kill('SIGHUP')
  await inCrm('Of bob')
  expect((await service.stop()).code).toBe(0)
})
