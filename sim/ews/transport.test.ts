import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import type { FaultEffect } from '../faults.ts'
import type { EwsSim } from './index.ts'
import { startEwsSim } from './index.ts'
import { ask, createTask, HAS_SCHEMAS, headersOf, requestOf, SCHEMA_DIR, sync, value } from './test-client.ts'

const ALICE = 'alice@example.test'
const FOLDER =
  '<m:GetFolder><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape><m:FolderIds><t:DistinguishedFolderId Id="calendar"/></m:FolderIds></m:GetFolder>'
const TASK = createTask('<t:Subject>Call</t:Subject>')
let sim: EwsSim

beforeEach(async () => {
  sim = await startEwsSim()
})
afterEach(() => sim.stop())

const strike = (effect: FaultEffect, operation = 'CreateItem') =>
  sim.faults.add({ operation, subject: ALICE, times: 1, effect })

describe('signing in', () => {
  it('lets the owner in and nobody without the right password', async () => {
    expect((await ask(sim, FOLDER)).codes).toEqual(['NoError'])
    const wrong = await ask(sim, FOLDER, { password: 'wrong' })
    expect(wrong.status).toBe(401)
    expect(wrong.headers.get('www-authenticate')).toMatch(/^Basic/)
    sim.setPassword(ALICE, 'changed')
    expect((await ask(sim, FOLDER, { password: 'alice-password' })).status).toBe(401)
    expect((await fetch(sim.url, { method: 'POST' })).status).toBe(401)
  })

  it('lets the service account act for a mailbox, by each kind of name', async () => {
    const user = sim.service.username
    await ask(sim, TASK, { user, as: 'bob@example.test' })
    expect(sim.items('bob@example.test')).toHaveLength(1)
    for (const kind of ['SmtpAddress', 'PrincipalName']) {
      const body = requestOf(FOLDER, { as: 'bob@example.test' }).replaceAll('PrimarySmtpAddress', kind)
      expect((await fetch(sim.url, { method: 'POST', headers: headersOf(sim, { user }), body })).status).toBe(200)
    }
  })

  it.each([
    ['ErrorImpersonateUserDenied', { as: 'bob@example.test' }],
    ['ErrorNonExistentMailbox', { user: 'svc@example.test', as: 'nobody@example.test' }],
    ['ErrorMissingEmailAddress', { user: 'svc@example.test' }],
  ])('answers %s with a SOAP fault', async (code, options) => {
    const answer = await ask(sim, FOLDER, options)
    expect(answer).toMatchObject({ status: 500, codes: [code] })
    expect(answer.text).toContain(
      `<faultcode xmlns:a="http://schemas.microsoft.com/exchange/services/2006/types">a:${code}`,
    )
  })

  it('does not show one mailbox to the owner of another', async () => {
    // Both are the first item of their mailbox, so only the mailbox part of the ids tells them apart.
    sim.putItem(ALICE, 'tasks', { Subject: 'own' })
    const { id } = sim.putItem('bob@example.test', 'tasks', { Subject: 'private' })
    const get = `<m:GetItem><m:ItemShape><t:BaseShape>Default</t:BaseShape></m:ItemShape><m:ItemIds><t:ItemId Id="${id}"/></m:ItemIds></m:GetItem>`
    expect((await ask(sim, get)).codes).toEqual(['ErrorItemNotFound'])
    expect((await ask(sim, get, { user: 'bob@example.test' })).codes).toEqual(['NoError'])
  })

  it('refuses a schema newer than its own and tells its version', async () => {
    await sim.stop()
    sim = await startEwsSim({ version: { build: 847, minor: 0, schema: 'Exchange2013_SP1' } })
    expect((await ask(sim, FOLDER)).text).toContain('MajorVersion="15" MinorVersion="0" MajorBuildNumber="847"')
    const body = requestOf(FOLDER).replace('Exchange2013_SP1', 'Exchange2016')
    const response = await fetch(sim.url, { method: 'POST', headers: headersOf(sim, {}), body })
    expect(value(await response.text(), 'ResponseCode')).toBe('ErrorInvalidServerVersion')
  })
})

describe.skipIf(!HAS_SCHEMAS)('schema validation', () => {
  beforeEach(async () => {
    await sim.stop()
    sim = await startEwsSim({ validate: { schemaDir: SCHEMA_DIR } })
  })

  it.each([
    [
      'elements in the wrong order',
      createTask('<t:Status>NotStarted</t:Status>\n<t:Subject>Call</t:Subject>'),
      'Subject',
    ],
    ['a page of 513', sync('calendar', undefined, 513), '513'],
    ['an unknown element', '<m:GetFolders/>', 'GetFolders'],
  ])('refuses %s and says where and why', async (_, body, reason) => {
    const answer = await ask(sim, body)
    expect(answer).toMatchObject({ status: 500, codes: ['ErrorSchemaValidation'] })
    expect(value(answer.text, 'Violation')).toContain(reason)
    expect(Number(value(answer.text, 'LineNumber'))).toBe(body.includes('\n') ? 6 : 5)
    expect(Number(value(answer.text, 'LinePosition'))).toBeGreaterThan(0)
    expect(sim.items(ALICE)).toEqual([])
  })

  it('names the place where a request is no XML', async () => {
    const response = await fetch(sim.url, { method: 'POST', headers: headersOf(sim, {}), body: '<a>\n<b></a>' })
    const text = await response.text()
    expect(value(text, 'ResponseCode')).toBe('ErrorSchemaValidation')
    expect(value(text, 'LineNumber')).toBe('2')
  })
})

describe('throttling and faults', () => {
  it('says for how long it is busy, as a fault or inside an ordinary answer', async () => {
    strike({ type: 'error', code: 'ErrorServerBusy', backOffMs: 297_749 })
    const fault = await ask(sim, TASK)
    expect(fault).toMatchObject({ status: 500, codes: ['ErrorServerBusy'] })
    expect(fault.text).toContain('<t:Value Name="BackOffMilliseconds">297749</t:Value>')
    strike({ type: 'error', code: 'ErrorServerBusy', backOffMs: 1000, status: 200 })
    const inside = await ask(sim, TASK)
    expect(inside).toMatchObject({ status: 200, codes: ['ErrorServerBusy'] })
    expect(inside.text).toContain('<t:Value Name="BackOffMilliseconds">1000</t:Value>')
    expect((await ask(sim, TASK)).codes).toEqual(['NoError'])
  })

  it('strikes only the mailbox it is meant for', async () => {
    strike({ type: 'status', status: 503 })
    expect((await ask(sim, TASK, { user: 'bob@example.test' })).status).toBe(200)
    expect((await ask(sim, TASK)).status).toBe(503)
  })

  it.each<[FaultEffect['type'], number]>([
    ['drop-before', 0],
    ['drop-after', 1],
    ['half', 1],
  ])('with %s the caller gets no answer and %i item is made', async (type, made) => {
    strike({ type } as FaultEffect)
    await expect(ask(sim, TASK)).rejects.toThrow()
    expect(sim.items(ALICE)).toHaveLength(made)
    expect((await ask(sim, TASK)).codes).toEqual(['NoError'])
  })

  it('does the work and then answers with an error status', async () => {
    strike({ type: 'status-after', status: 504 })
    expect((await ask(sim, TASK)).status).toBe(504)
    expect(sim.items(ALICE)).toHaveLength(1)
  })

  it('refuses a mailbox while it moves; afterwards all ids are new', async () => {
    const { id } = sim.putItem(ALICE, 'tasks', { Subject: 'x' })
    sim.moveMailbox(ALICE, { inProgressMs: 60_000 })
    expect((await ask(sim, FOLDER)).codes).toEqual(['ErrorMailboxMoveInProgress'])
    sim.clock.advance(60_000)
    expect((await ask(sim, FOLDER)).codes).toEqual(['NoError'])
    expect(sim.items(ALICE).map((item) => item.id)).not.toContain(id)
  })
})
