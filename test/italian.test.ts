import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { it as texts } from '../web/src/i18n/it.ts'
import { en } from '../web/src/i18n/en.ts'
import { service } from '../web/src/i18n/it-service.ts'
import { translator } from '../web/src/i18n/phrases.ts'
import { FIELDS } from '../src/model/index.ts'
import type { SkipReason } from '../src/model/index.ts'
import { sentencesOf } from './support/sentences.ts'

/** Everything whose words reach a page of the panel. */
const SPEAKERS = ['ews', 'graph', 'vtenext', 'store/errors.ts', 'store/secrets.ts', 'main', 'main.ts', 'config.ts', 'engine', 'sync', 'recurrence', 'lib', 'panel', 'http']
/** Words for the CRM's records, for metrics, for the API's description, and tables of names. */
const SILENT = ['lib/windows-zones-table.ts', 'lib/text.ts', 'lib/people-block.ts', 'vtenext/text.ts', 'recurrence/describe.ts', 'http/openapi.ts', 'http/metrics.ts']

/** Said before there is a panel, spoken by programs among themselves, or the same in every language. */
const UNTRANSLATED = new Set([
  // What a name is made of
  'name of the key',
  // Before there is a panel
  'LOG_LEVEL is "{}". Set it to debug, info, warn or error.',
  'DATABASE_URL is no address of a database. Write it as postgres://user:password@host/database, or leave it out: the connector then runs a database of its own.',
  'There is no configuration at {}. Write one (README, "Connect your own servers") or name another with --config. What was set in the panel lies in the data folder: name it with --data.',
  '{} cannot be read ({}). Name a file that this account may read with --config.',
  '{}, line {}, column {}: not valid YAML: {} Check the indentation and quotes there.',
  '{}: {} names the environment variable {}, which is not set. Set it, or write the value.',
  '{} needs mending:\n{}',
  'The database that DATABASE_URL names cannot be reached{}. Start it or correct DATABASE_URL; without that variable the connector runs a database of its own.',
  'Building the pages of the panel …', 'The pages of the panel could not be built: {}',
  // Commands, and what programs say to one another
  '$group = (Get-DistributionGroup "{}").DistinguishedName',
  'New-ManagementScope -Name "{}" -RecipientRestrictionFilter "MemberOfGroup -eq \'$group\'"',
  'New-ManagementRoleAssignment -Name "vtenext exchange-connector" -Role ApplicationImpersonation -User "{}" -CustomRecipientWriteScope "{}"',
  'Get-WebServicesVirtualDirectory | Set-WebServicesVirtualDirectory {} $true',
  'Add-MailboxFolderPermission -Identity "{}:\\{}" -User "{}" -AccessRights {}',
  'Get-MailboxStatistics "{}" | fl TotalItemSize,StorageLimitStatus; Set-Mailbox "{}" -UseDatabaseQuotaDefaults $false -ProhibitSendReceiveQuota 10GB -ProhibitSendQuota 9.5GB',
  'New-ManagementRoleAssignment -App {} -Role "Application {}" -CustomResourceScope {}',
  'New-ManagementScope -Name {} -RecipientRestrictionFilter "MemberOfGroup -eq \'$((Get-DistributionGroup {}).DistinguishedName)\'"',
  'CRM mailboxes', '"CRM mailboxes"', 'Basic {}', 'Bearer {}', 'NTLM {}', 'HTTP {}', ' (HTTP {})', 'HTTP {}{}', 'HTTP {}{}{}', '{} name {}', 'every {}s', '<{} Id="{}"{}/>', 'received undefined',
  'Permission to perform the operation is denied', 'frame-ancestors {}', '{} again', "img-src 'self' data:", 'BEGIN CERTIFICATE', 'email in ({})', 'email like {}', ' and recurr_idx={}', 'a batch has a request',
  // Names of fields, folders, secrets and values, as their owners write them
  'Exchange ID', 'Deleted Items', 'panel configuration', 'exchange-connector secret', 'Private task', '(no subject)', 'Not Held', 'Not Started', 'In Progress', 'Pending Input',
  // Of the API's description
  'Disconnect mailboxes; deletes nothing', 'Pause mailboxes', 'Go on with paused mailboxes', 'Synchronise now',
])

const plain = (sentence: string) => sentence.replace(/\{\w+\}/g, '{}').replace(/^\{\}: (?=.)/, '')
const said = translator(service)

const REASONS = Object.keys({
  recurring: 0, 'outside-window': 0, direction: 0, 'no-mailbox': 0, 'no-place': 0, unreadable: 0, category: 0, 'before-start': 0, private: 0, ambiguous: 0,
  'user-deleted': 0, 'only-in-outlook': 0, 'moved-away': 0,
} satisfies Record<SkipReason, 0>)
const SOURCES = new URL('../src/', import.meta.url)
/** Everything in the sources that a pattern finds. */
function inSources(pattern: RegExp): string[] {
  const files = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && !name.startsWith('cli'))
  return [...new Set(files.flatMap((name) => [...readFileSync(new URL(name, SOURCES), 'utf8').matchAll(pattern)].map(([, found]) => found ?? '')))].sort()
}
const without = (prefix: string, names: readonly string[]) => names.filter((name) => !(`${prefix}.${name}` in texts) || !(`${prefix}.${name}` in en))

describe('in Italian', () => {
  it('the panel has words for every sentence that the service can say', () => {
    const known = new Set(Object.keys(service).map(plain))
    const missing = sentencesOf(SPEAKERS, SILENT).filter(({ text }) => !known.has(plain(text)) && !UNTRANSLATED.has(text))
    expect(missing.map(({ file, text }) => `${file}: ${text}`)).toEqual([])
  })

  it('no sentence is kept that the service does not say any more', () => {
    const spoken = new Set(sentencesOf(SPEAKERS, SILENT).map(({ text }) => plain(text)))
    // Of the library that checks forms, and put together out of several.
    const others = /^(?:Invalid |Too |Correct the address under|not $|1 minute$)|^\{\} Its address is /
    expect(Object.keys(service).map(plain).filter((sentence) => !spoken.has(sentence) && !others.test(sentence))).toEqual([])
  })

  it('every sentence is recognised with whatever is filled in, and nothing that is filled in is lost', () => {
    for (const [sentence, translation] of Object.entries(service)) {
      const fill = (text: string) => text.replace(/\{(\w+)\}/g, (_, name: string) => `‹${name}›`)
      expect(said(fill(sentence)), sentence).toBe(fill(translation))
      const names = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      expect(names(sentence), sentence).toEqual(expect.arrayContaining(names(translation)))
    }
  })

  it('sentences inside one another, and several in a row, are each put into words', () => {
    expect(said('Microsoft 365 refuses our token for eva@firm.test: HTTP 401 InvalidToken (no: more). Its owner has to sign in again.'))
      .toBe('Microsoft 365 rifiuta il nostro token per eva@firm.test: HTTP 401 InvalidToken (no: more). Il proprietario deve accedere di nuovo.')
    expect(said('API user is an administrator: User 19x5 is not. Sign in to the CRM as an administrator, open Settings > Users > the API user, and tick "Admin": other users see only their own records and no users.'))
      .toBe('L’utente API è un amministratore: L’utente 19x5 non lo è. Accedi al CRM come amministratore, apri Impostazioni > Utenti > l’utente API e spunta “Amministratore”: gli altri utenti vedono solo i propri record e nessun utente.')
    expect(said('aliases.0: Invalid email address; days: Too big: expected number to be <=730')).toBe('aliases.0: indirizzo e-mail non valido; days: troppo grande: al massimo 730')
    expect(said('"onprem" needs clientId: the "Application (client) ID" of the app registration.\nusers.0.mailbox: Invalid email address.'))
      .toBe('A “onprem” serve l’id client: l’“ID applicazione (client)” della registrazione dell’app.\nusers.0.mailbox: indirizzo e-mail non valido.')
  })

  it('what nobody translated stays as it came', () => {
    const text = 'Ein Satz. Noch einer: mit Doppelpunkt; und mehr.\nUnd Zeilen.'
    expect(said(text)).toBe(text)
    expect(said('')).toBe('')
    const startedMs = performance.now()
    said('Foo bar: baz. '.repeat(400))
    expect(performance.now() - startedMs).toBeLessThan(2000)
  })

  it('there are words for each error code that a write can end with', () => {
    const codes = inSources(/'((?:EWS|GRAPH|CRM|STORE|ENGINE|CONFIG)_[A-Z_]+)'/g)
    // Said only where a process begins, or answered by the panel in a sentence of its own.
    const elsewhere = /^(?:CRM_FIRST|STORE_(?:DATA_FOLDER|SERVER_FAILED|TOO_NEW|BAD_KEY)|CONFIG_(?:OPTION|LOG_LEVEL|DATABASE_URL|USER|USAGE|PORT|MISSING|UNREADABLE))$/
    expect(codes.length).toBeGreaterThan(60)
    expect(without('code', codes.filter((code) => !elsewhere.test(code)))).toEqual([])
  })

  it('there are words for every reason to leave an item alone, every step of a check, every job, every field and everything done in the panel', () => {
    expect(without('skip', REASONS)).toEqual([])
    expect(without('job', [...inSources(/timetable\.add\('([\w-]+)'/g), ...inSources(/\{ name: '([\w-]+)', seconds:/g)])).toEqual([])
    expect(without('action', [...inSources(/note\(panel, request, '([\w.]+)'/g), ...inSources(/each\('\w+', '([\w.]+)'/g)])).toEqual([])
    expect(without('field', Object.values(FIELDS).flat())).toEqual([])
    expect(without('check', [...inSources(/\{\s*name: '([a-z][a-z ]*)', ok:/g), 'reachable', 'tls', 'login', 'access', 'folders', 'configuration', 'certificate'])).toEqual([])
  })
})
