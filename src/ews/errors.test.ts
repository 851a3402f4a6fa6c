import { describe, expect, it } from 'vitest'
import type { SyncError } from '../lib/errors.ts'
import { fromFailure, fromNetwork, fromStatus, verdictOf } from './errors.ts'
import type { CallContext } from './errors.ts'

const read: CallContext = {
  operation: 'GetItem', writes: false, connection: 'onprem', url: 'https://mail.example.test/EWS/Exchange.asmx', mailbox: 'alice@example.test',
  account: 'svc@example.test', shared: true,
}
const write: CallContext = { ...read, operation: 'CreateItem', writes: true }
const own: CallContext = { ...read, shared: false, account: 'alice@example.test' }
const brief = ({ code, scope, remedy, outcomeUnknown, retryAfterMs }: SyncError) =>
  [code, scope, remedy, outcomeUnknown, ...(retryAfterMs === undefined ? [] : [retryAfterMs])]

describe('an HTTP status', () => {
  it.each([
    [401, undefined, read, ['EWS_UNAUTHORIZED', 'server', 'ask-human', false]],
    [401, undefined, own, ['EWS_UNAUTHORIZED', 'mailbox', 'ask-human', false]],
    [403, undefined, own, ['EWS_FORBIDDEN', 'mailbox', 'ask-human', false]],
    [404, undefined, read, ['EWS_NOT_EWS', 'server', 'ask-human', false]],
    [302, undefined, write, ['EWS_NOT_EWS', 'server', 'ask-human', false]],
    [503, '7', read, ['EWS_BUSY', 'mailbox', 'wait', false, 7000]],
    [503, undefined, write, ['EWS_BUSY', 'mailbox', 'wait', true, 60_000]],
    [500, undefined, write, ['EWS_BAD_REPLY', 'mailbox', 'retry', true]],
    [504, undefined, read, ['EWS_BAD_REPLY', 'mailbox', 'retry', false]],
  ] as const)('%i (Retry-After %s)', (status, retryAfter, call, expected) => {
    expect(brief(fromStatus(status, retryAfter, call))).toEqual(expected)
  })
})

describe('a response code', () => {
  it.each([
    ['ErrorServerBusy', write, ['EWS_BUSY', 'mailbox', 'wait', false, 60_000]],
    ['ErrorMailboxStoreUnavailable', write, ['EWS_TRANSIENT', 'mailbox', 'retry', false]],
    ['ErrorTimeoutExpired', write, ['EWS_TRANSIENT', 'mailbox', 'retry', true]],
    ['ErrorTimeoutExpired', read, ['EWS_TRANSIENT', 'mailbox', 'retry', false]],
    ['ErrorNonExistentMailbox', read, ['EWS_NO_MAILBOX', 'mailbox', 'ask-human', false]],
    ['ErrorImpersonateUserDenied', read, ['EWS_IMPERSONATION_DENIED', 'mailbox', 'ask-human', false]],
    ['ErrorSchemaValidation', write, ['EWS_SCHEMA', 'item', 'bug', false]],
    ['ErrorCalendarDurationIsTooLong', write, ['EWS_REFUSED', 'item', 'ask-human', false]],
  ] as const)('%s', (code, call, expected) => {
    expect(brief(fromFailure({ code, text: '' }, call))).toEqual(expected)
  })
  it('honours the server\'s own number', () => {
    expect(fromFailure({ code: 'ErrorServerBusy', text: '', backOffMs: 297_749 }, read).retryAfterMs).toBe(297_749)
  })
  it('tells outcomes from errors', () => {
    expect(['ErrorItemNotFound', 'ErrorIrresolvableConflict', 'ErrorStaleObject', 'ErrorInvalidSyncStateData', 'ErrorAccessDenied'].map((code) => verdictOf({ code, text: '' })))
      .toEqual(['gone', 'stale', 'stale', 'resync', 'error'])
  })
  it('never repeats what a server says about the content at length', () => {
    expect(fromFailure({ code: 'ErrorX', text: 'secret '.repeat(1000) }, read).message.length).toBeLessThan(600)
  })
})

describe('a broken connection', () => {
  it.each([
    ['ECONNREFUSED', ['EWS_UNREACHABLE', 'server', 'wait', false]],
    ['ENOTFOUND', ['EWS_UNREACHABLE', 'server', 'wait', false]],
    ['UND_ERR_CONNECT_TIMEOUT', ['EWS_UNREACHABLE', 'server', 'wait', false]],
    ['ECONNRESET', ['EWS_UNREACHABLE', 'server', 'wait', true]],
    ['UND_ERR_HEADERS_TIMEOUT', ['EWS_UNREACHABLE', 'server', 'wait', true]],
    ['UND_ERR_SOCKET', ['EWS_UNREACHABLE', 'server', 'wait', true]],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', ['EWS_TLS', 'server', 'ask-human', false]],
    ['UND_ERR_RES_EXCEEDED_MAX_SIZE', ['EWS_BAD_REPLY', 'mailbox', 'retry', true]],
  ] as const)('%s during a write', (code, expected) => {
    expect(brief(fromNetwork(Object.assign(new Error('x'), { code }), write))).toEqual(expected)
    expect(fromNetwork(Object.assign(new Error('x'), { code }), read).outcomeUnknown).toBe(false)
  })
})

describe('a refused sign-in', () => {
  const says = (call: CallContext) => fromStatus(401, undefined, call).message
  it('names where the password stands', () => {
    expect(says(read)).toContain('Check user name and password of connection "onprem"')
    expect(says(own)).toContain('Check user name and password of alice@example.test under "users"')
  })
  it.each([
    ['auto', 'where Extended Protection is required, that none in front has a certificate of its own'], ['on', '"channelBinding" is on; off is for that'],
    ['off', '"channelBinding" is off; auto is for that'],
  ] as const)('over NTLM with channelBinding %s says what else to look at', (channelBinding, hint) => {
    expect(says({ ...own, auth: 'ntlm', channelBinding })).toContain(hint)
  })
})

describe('a certificate', () => {
  const says = (code: string, call = read) => fromNetwork(Object.assign(new Error('x'), { code }), call)
  it.each([
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'Put the company\'s CA certificate (PEM) into "ca" of connection "onprem"'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'let the server send its whole chain'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'is for another host name'],
    ['CERT_HAS_EXPIRED', 'has expired. Renew it'],
    ['CERT_NOT_YET_VALID', 'Check the clocks'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'does not speak TLS as it has to'],
    ['EPROTO', 'Check the port'],
  ])('%s is told with its own cure', (code, cure) => {
    expect(says(code)).toMatchObject({ code: 'EWS_TLS', scope: 'server', remedy: 'ask-human', outcomeUnknown: false })
    expect(says(code).message).toContain(cure)
  })
  it('that the configured CA did not sign is told apart from a missing CA', () => {
    expect(says('SELF_SIGNED_CERT_IN_CHAIN', { ...read, hasCa: true }).message).toContain('The certificates in "ca" of connection "onprem" do not vouch for it')
  })
})
