import { createServer } from 'node:http'
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { assigneeId, instant, mailboxId } from '../model/index.ts'
import type { Mailbox } from '../model/index.ts'
import type { Clock, Log } from '../ports.ts'
import { createEwsConnection } from './index.ts'
import type { EwsConnection, EwsConnectionOptions } from './index.ts'

const log: Log = { debug() {}, info() {}, warn() {}, error() {} }
const clock: Clock = { now: () => instant(0), elapsedMs: () => performance.now(), sleep: () => Promise.resolve() }
const mailboxOf = (name: string): Mailbox => ({
  id: mailboxId(name), address: `${name}@example.test`, user: name, userId: assigneeId('19x5'), connection: 'onprem', zone: 'UTC',
})

let server: Server
let connection: EwsConnection
afterEach(async () => {
  await connection.close()
  server.closeAllConnections()
  server.close()
})

async function serve(answer: (request: IncomingMessage, response: ServerResponse, body: string) => void, more: Partial<EwsConnectionOptions> = {}): Promise<void> {
  server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => { answer(request, response, Buffer.concat(parts).toString()) })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  connection = createEwsConnection({
    name: 'onprem', url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/EWS/Exchange.asmx`, auth: { kind: 'basic' },
    credentials: { username: 'svc', password: 'pä:ss' }, impersonation: false, log, clock, timeoutMs: 300, ...more,
  })
}

const message = (operation: string, inner: string, code = 'NoError') =>
  `<m:${operation}ResponseMessage><m:ResponseCode>${code}</m:ResponseCode>${inner}</m:${operation}ResponseMessage>`
const reply = (operation: string, messages: string) =>
  `<s:Envelope xmlns:s="s" xmlns:m="m" xmlns:t="t"><s:Body><m:${operation}Response><m:ResponseMessages>${messages}</m:ResponseMessages></m:${operation}Response></s:Body></s:Envelope>`
const folders = () => reply('GetFolder', ['c', 't', 'd'].map((id) => message('GetFolder', `<m:Folders><t:Folder><t:FolderId Id="${id}"/></t:Folder></m:Folders>`)).join(''))
const found = () => reply('FindFolder', message('FindFolder', '<m:RootFolder IncludesLastItemInRange="true"><t:Folders><t:ContactsFolder><t:FolderId Id="v"/><t:DisplayName>vtenext</t:DisplayName></t:ContactsFolder></t:Folders></m:RootFolder>'))

describe('calls', () => {
  it('of two people never travel over one socket, and say whose they are', async () => {
    const users = new Map<Socket, Set<string>>()
    const seen: IncomingHttpHeaders[] = []
    await serve((request, response, body) => {
      seen.push(request.headers)
      users.set(request.socket, (users.get(request.socket) ?? new Set()).add(request.headers.authorization ?? ''))
      response.end(body.includes('GetFolder') ? folders() : found())
    })
    await Promise.all(['alice', 'bob', 'carol'].map((name) => connection.mailbox(mailboxOf(name), { username: name, password: `pw-${name}` }).open()))
    await connection.mailbox(mailboxOf('dave')).open()
    expect([...users.values()].map((names) => names.size)).toEqual([...users].map(() => 1))
    expect(new Set(seen.map((headers) => headers.authorization)).size).toBe(4)
    expect(seen.at(-1)).toMatchObject({
      'x-anchormailbox': 'dave@example.test', 'return-client-request-id': 'true', 'user-agent': 'exchange-connector',
      authorization: `Basic ${Buffer.from('svc:pä:ss').toString('base64')}`,
    })
    expect(new Set(seen.map((headers) => headers['client-request-id'])).size).toBe(seen.length)
  })

  it('in flight stay below the limit of the server', async () => {
    let now = 0
    let most = 0
    await serve((_request, response, body) => {
      now += 1
      most = Math.max(most, now)
      setTimeout(() => {
        now -= 1
        response.end(body.includes('GetFolder') ? folders() : found())
      }, 5)
    }, { maxConcurrent: 3 })
    await Promise.all(Array.from({ length: 12 }, (_, at) => connection.mailbox(mailboxOf(`user${at}`), { username: `u${at}`, password: 'p' }).open()))
    expect(most).toBe(3)
  })

  it.each([
    ['a web page of a proxy', 200, '<html><body>Sign in</body></html>', 'EWS_BAD_REPLY'],
    ['half an answer', 200, '<s:Envelope xmlns:s="s"><s:Body>', 'EWS_BAD_REPLY'],
    ['an answer to something else', 200, '<s:Envelope xmlns:s="s"><s:Body><Other/></s:Body></s:Envelope>', 'EWS_BAD_REPLY'],
    ['fewer results than asked for', 200, reply('GetFolder', message('GetFolder', '<m:Folders><t:Folder><t:FolderId Id="c"/></t:Folder></m:Folders>')), 'EWS_BAD_REPLY'],
    ['a fault with HTTP 200', 200, '<s:Envelope xmlns:s="s"><s:Body><s:Fault><faultcode>ErrorImpersonateUserDenied</faultcode></s:Fault></s:Body></s:Envelope>', 'EWS_IMPERSONATION_DENIED'],
    ['an error page with HTTP 500', 500, '<!DOCTYPE html><html></html>', 'EWS_BAD_REPLY'],
    ['a back-off in Exchange\'s own words', 500, '<s:Envelope xmlns:s="s"><s:Body><s:Fault><faultcode xmlns:a="a">a:ErrorServerBusy</faultcode><detail><e:ResponseCode xmlns:e="e">ErrorServerBusy</e:ResponseCode><t:MessageXml xmlns:t="t"><t:Value Name="BackOffMilliseconds">4321</t:Value></t:MessageXml></detail></s:Fault></s:Body></s:Envelope>', 'EWS_BUSY'],
  ])('answered with %s end in an error that says so', async (_name, status, body, code) => {
    await serve((_request, response) => { response.writeHead(status).end(body) })
    await expect(connection.mailbox(mailboxOf('alice')).open()).rejects.toMatchObject({ code, ...(code === 'EWS_BUSY' ? { retryAfterMs: 4321 } : {}) })
  })

  it('that write are not sent again after HTTP 503, however short the pause: they may have been done', async () => {
    let creates = 0
    await serve((_request, response, body) => {
      if (body.includes('<m:CreateItem')) {
        creates += 1
        response.writeHead(503, { 'retry-after': '0' }).end()
      } else response.end(body.includes('<m:GetFolder>') ? folders() : found())
    }, { patienceMs: 10_000 })
    const [outcome] = await connection.mailbox(mailboxOf('alice')).create([{ item: { kind: 'task', fields: { subject: 'once' } }, token: 'token' as never }])
    expect(outcome).toMatchObject({ type: 'failed', error: { code: 'EWS_BUSY', outcomeUnknown: true } })
    expect(creates).toBe(1)
  })

  it('that are never answered end after the time limit', async () => {
    await serve(() => undefined)
    await expect(connection.mailbox(mailboxOf('alice')).open()).rejects.toMatchObject({ code: 'EWS_UNREACHABLE', scope: 'server', remedy: 'wait' })
  })
})

describe('a pull', () => {
  const changes = ['a', 'b'].map((id) => `<t:Create><t:Task><t:ItemId Id="${id}" ChangeKey="1"/></t:Task></t:Create>`).join('')
  const page = () => reply('SyncFolderItems', message('SyncFolderItems', `<m:SyncState>S</m:SyncState><m:IncludesLastItemInRange>true</m:IncludesLastItemInRange><m:Changes>${changes}</m:Changes>`))
  const good = message('GetItem', '<m:Items><t:Task><t:ItemId Id="a" ChangeKey="1"/><t:Subject>x</t:Subject></t:Task></m:Items>')
  const pullWith = async (code: string) => {
    await serve((_request, response, body) => {
      response.end(body.includes('<m:GetFolder>') ? folders() : body.includes('<m:FindFolder') ? found()
        : body.includes('<m:SyncFolderItems>') ? page() : reply('GetItem', good + message('GetItem', '', code)))
    })
    return connection.mailbox(mailboxOf('alice')).pull('task', null, () => Promise.resolve(new Map()))
  }

  it('goes on past one item that cannot be read', async () => {
    expect(await pullWith('ErrorCorruptData')).toMatchObject({ type: 'page', next: 'S', more: false, changes: [
      { type: 'broken', id: 'b', error: { code: 'EWS_REFUSED', scope: 'item' } }, { type: 'seen', snapshot: { id: 'a' } },
    ] })
  })
  it('leaves out an item that was deleted meanwhile', async () => {
    expect(await pullWith('ErrorItemNotFound')).toMatchObject({ changes: [{ type: 'seen', snapshot: { id: 'a' } }] })
  })
  it('stops when the server says item by item that it is busy', async () => {
    await expect(pullWith('ErrorServerBusy')).rejects.toMatchObject({ code: 'EWS_BUSY', scope: 'mailbox' })
  })
})
