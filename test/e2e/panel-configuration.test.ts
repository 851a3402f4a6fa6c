import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { install, usualConfig } from './support/installation.ts'
import type { Installation, Service } from './support/installation.ts'
import { meeting } from './support/people.ts'
import { until } from './support/process.ts'
import { startSimulators } from './support/simulators.ts'
import type { Simulators } from './support/simulators.ts'

let simulators: Simulators
let office: Installation
let service: Service

// No connector.yaml but for how the panel is reached: everything else is set up there.
beforeAll(async () => {
  simulators = await startSimulators()
  office = await install(simulators, { embedded: true })
  office.write('http:\n  port: 0\n  frameAncestors: [https://crm.example.test]\n')
  service = await office.start()
})
afterAll(async () => {
  await office?.close()
  await simulators?.stop()
})

async function setUp(): Promise<void> {
  await until('the address is printed', () => /\/setup#\S+/.test(service.stdout()))
  const token = /\/setup#(\S+)/.exec(service.stdout())?.[1] ?? ''
  const ask = async (path: string, body: unknown) => {
    const answer = await fetch(`${service.url}/api/connect/${path}`, { method: 'POST', headers: { 'content-type': 'application/json', 'x-setup-token': token }, body: JSON.stringify(body) })
    expect(answer.status).toBe(200)
    return answer.json() as Promise<{ ok: boolean }>
  }
  const { crm, exchange } = usualConfig(simulators)
  expect((await ask('crm', { url: crm.url, username: crm.username, accessKey: crm.accessKey })).ok).toBe(true)
  expect((await ask('exchange', { connection: exchange[0], mailbox: 'alice@example.test' })).ok).toBe(true)
  expect((await ask('finish', { users: [{ crm: 'alice', mailbox: 'alice@example.test' }] })).ok).toBe(true)
}

describe('an office that was set up in the panel', () => {
  it('begins with a file that names only how the panel is reached', async () => {
    expect((await fetch(`${service.url}/`)).headers.get('content-security-policy')).toContain("frame-ancestors 'self' https://crm.example.test")
    expect((await fetch(`${service.url}/readyz`)).status).toBe(503)
    await setUp()
    await until('it does its work', async () => (await fetch(`${service.url}/readyz`)).ok)
  })

  it('is known to every command without a configuration file', async () => {
    rmSync(join(office.folder, 'connector.yaml'))
    const status = await office.run('status', '--json')
    expect(status.json).toMatchObject({ lanes: expect.arrayContaining([expect.objectContaining({ mailbox: 'alice@example.test', state: 'ok' })]) as unknown })
    expect((await office.run('doctor', '--json')).json).toMatchObject({ ok: true })
    expect((await office.run('users', '--json')).stdout).toContain('"mailbox":"alice@example.test"')
    for (const command of ['journal', 'held', 'conflicts']) expect([command, (await office.run(command, '--json')).code]).toEqual([command, 0])
  })

  it('is synchronised by hand while the service rests', async () => {
    await service.stop()
    await simulators.putItem('alice', 'calendar', meeting('After the set-up'))
    expect((await office.run('sync', '--once', '--json')).json).toMatchObject({ ok: true, crm: { created: 1 }, mails: 0 })
    expect(await simulators.record('Events', 'After the set-up')).toBeDefined()
  })

  it('is told where to look when neither a file nor a used data folder is there', async () => {
    const ran = await office.run('status', '--data', join(office.folder, 'another'))
    expect(ran.code).toBe(2)
    expect(ran.stderr).toMatch(/There is no configuration at .*connector\.yaml.*name it with --data/)
    const named = await office.run('status', '--config', 'missing.yaml')
    expect([named.code, named.stderr]).toEqual([2, expect.stringContaining('missing.yaml')])
  })
})
