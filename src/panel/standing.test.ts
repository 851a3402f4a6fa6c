import { describe, expect, it } from 'vitest'
import { checkConfig } from '../config.ts'
import { cureOf } from './standing.ts'

const config = (connection: object) => checkConfig({
  crm: { kind: 'vtenext', url: 'http://127.0.0.1/webservice.php', username: 'admin', accessKey: 'k' },
  exchange: [{ name: 'onprem', kind: 'ews', url: 'https://mail.example.test/EWS/Exchange.asmx', ...connection }],
  users: [{ crm: 'alice', mailbox: 'alice@example.test', username: 'CORP\\alice', password: 'p' }],
})
const cure = (code: string, connection: object) => {
  const { exchange: [first], users: [alice] } = config(connection)
  return cureOf({ code, message: '' }, first, alice)
}
const service = { username: 'svc@example.test', password: 'p', impersonation: true }

describe('the cure that the panel shows', () => {
  it.each([
    ['EWS_IMPERSONATION_DENIED', service, /New-ManagementScope .*ApplicationImpersonation -User "svc@example\.test" -CustomRecipientWriteScope/],
    ['EWS_ACCESS_DENIED', service, /-CustomRecipientWriteScope/],
    ['EWS_FORBIDDEN', {}, /Set-CASMailbox "CORP\\alice" -EwsEnabled \$true/],
    ['EWS_PASSWORD_EXPIRED', { auth: 'ntlm' }, /Set-ADAccountPassword "alice"/],
    ['EWS_MAILBOX_FULL', service, /Get-MailboxStatistics "alice@example\.test"/],
    ['EWS_UNAUTHORIZED', {}, /My mailbox/],
    ['EWS_UNAUTHORIZED', service, /svc@example\.test under Connections/],
  ])('of %s is the one of the doctor: least privilege, ready to paste', (code, connection, words) => {
    expect(cure(code, connection)).toMatch(words)
  })
  it('is left to the message where that says all, and to the CRM for its own trouble', () => {
    expect(cure('EWS_REFUSED', service)).toBeNull()
    expect(cureOf({ code: 'CRM_LOGIN_REFUSED', message: '' }, undefined)).toMatch(/access key/)
  })
})
