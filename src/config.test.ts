import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { connectionOf, instanceOf, loadBeside, loadConfig, logLevelOf, parseConfig, surroundings } from './config.ts'

const GOOD = `crm:
  kind: vtenext
  url: https://crm.example.test/webservice.php
  username: admin
  accessKey: \${KEY}
exchange:
  - name: onprem
    kind: ews
    url: https://mail.example.test/EWS/Exchange.asmx
    username: svc@example.test
    password: \${PASSWORD}
    impersonation: true
users:
  - { crm: alice, mailbox: alice@example.test }
  - { crm: bob, mailbox: bob@example.test }
`
/** A configuration with one connection to Microsoft 365. */
const cloud = (keys: string) => GOOD.replace(/exchange:[^]*users:/, `exchange:\n  - { name: cloud, kind: graph, ${keys} }\nusers:`)
const ENV = { KEY: 'key', PASSWORD: 'p:a#s"s' }

const parse = (yaml: string, env: NodeJS.ProcessEnv = ENV) => parseConfig(yaml, env, 'connector.yaml')

/** The message of a configuration that is not accepted. */
function complaint(yaml: string, env: NodeJS.ProcessEnv = ENV): string {
  try {
    parse(yaml, env)
  } catch (error) {
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', scope: 'system', remedy: 'ask-human' })
    return (error as Error).message
  }
  throw new Error(`This was accepted:\n${yaml}`)
}

describe('a good configuration', () => {
  it('gets the values of README where nothing is said, and values of the environment as they are', () => {
    const config = parse(GOOD)
    expect(config.crm).toEqual({ kind: 'vtenext', url: 'https://crm.example.test/webservice.php', username: 'admin', accessKey: 'key', pollSeconds: 5, referenceField: 'Exchange ID', allowHttp: false })
    expect(config.exchange[0]).toMatchObject({ auth: 'basic', password: 'p:a#s"s', allowHttp: false })
    expect(config.sync).toEqual({ events: 'both', tasks: 'both', contacts: 'to-exchange', pastDays: 30, futureDays: 365 })
    expect(config.policy).toEqual({
      conflict: 'newest', privateItems: 'mask', groupCompletion: 'any', contacts: 'leave', defaultContactUser: null, deletionGraceSeconds: 60,
      deletionLimit: { count: 10, percent: 20 },
      meetings: 'copies', sendMeetingUpdates: false, cancelMeetings: false, answers: 'silent', foreignDeletion: 'restore', inviteContacts: false, pastEvents: 'keep',
    })
    expect(config.http).toEqual({ host: '127.0.0.1', port: 8480, frameAncestors: [] })
  })

  it('needs no url: Autodiscover finds the servers', () => {
    const found = parse(GOOD.replace('    url: https://mail.example.test/EWS/Exchange.asmx\n', '')).exchange[0]
    expect(found).toMatchObject({ name: 'onprem', trustedHosts: [] })
    expect(found).not.toHaveProperty('url')
  })

  it('of Microsoft 365 signs everybody in by himself unless it says otherwise, and asks no user for a password', () => {
    const config = parse(cloud('tenant: example.test, clientId: app'))
    expect(config.exchange[0]).toMatchObject({ access: 'delegated', tasks: false, pollSeconds: 30 })
    expect(config.exchange[0]?.loginUrl).toBeUndefined()
    expect(parse(cloud('tenant: t, clientId: app, access: application, clientSecret: s, graphUrl: http://127.0.0.1:1, publicUrl: https://sync.example.test')).exchange[0])
      .toMatchObject({ access: 'application', publicUrl: 'https://sync.example.test' })
  })

  it('knows a mailbox by all its addresses, each of which belongs to one user', () => {
    const aliases = (list: string) => GOOD.replace('mailbox: alice@example.test', `mailbox: alice@example.test, aliases: [${list}]`)
    expect(parse(aliases('a.rossi@example.test')).users.map((user) => [user.aliases, user.availabilityOnly])).toEqual([[['a.rossi@example.test'], false], [[], false]])
    expect(() => parse(aliases('BOB@example.test'))).toThrow('the alias BOB@example.test of alice is an address of bob, too')
    expect(() => parse(aliases('alice@example.test'))).toThrow('the alias alice@example.test of alice is the mailbox itself')
    expect(() => parse(aliases('alice'))).toThrow('users.0.aliases.0')
  })

  it('gives a user the connection he names, or the only one', () => {
    const two = parse(GOOD.replace('users:', `  - { name: other, kind: ews, url: 'https://other.example.test/EWS/Exchange.asmx', username: s, password: p, impersonation: true }\nusers:`)
      .replace('mailbox: alice@example.test', 'mailbox: alice@example.test, exchange: other').replace('mailbox: bob@example.test', 'mailbox: bob@example.test, exchange: onprem'))
    expect(two.users.map((user) => connectionOf(two, user)?.name)).toEqual(['other', 'onprem'])
    const one = parse(GOOD)
    expect(one.users.map((user) => connectionOf(one, user)?.name)).toEqual(['onprem', 'onprem'])
  })

  it('keeps its installation id when user, key or the case of the address change, and not on another CRM', () => {
    const id = instanceOf(parse(GOOD))
    expect(instanceOf(parse(GOOD.replace('username: admin', 'username: api').replace('crm.example.test', 'CRM.example.test')))).toBe(id)
    expect(instanceOf(parse(GOOD.replace('crm.example.test', 'crm2.example.test')))).not.toBe(id)
  })
})

describe('a mistake is told with its line and its cure', () => {
  it.each([
    ['a misspelt key', GOOD.replace('accessKey', 'acessKey'), 'line 5: crm has the unknown key "acessKey". Check the spelling against README.'],
    ['a missing key', GOOD.replace('  username: admin\n', ''), 'line 1: crm.username is missing.'],
    ['a wrong word', `${GOOD}sync: { events: sideways }\n`, 'line 16: sync.events: Invalid option: expected one of "both"|"to-crm"|"to-exchange"|"off".'],
    ['a number out of range', `${GOOD}policy:\n  deletionLimit:\n    percent: 200\n`, 'line 18: policy.deletionLimit.percent'],
    ['text where a number belongs', GOOD.replace('  username: admin', '  username: admin\n  pollSeconds: often'), 'line 5: crm.pollSeconds'],
    ['an address that is none', GOOD.replace('bob@example.test', 'bob'), 'line 15: users.1.mailbox'],
    ['a url that is none', GOOD.replace('https://crm.example.test/webservice.php', 'crm.example.test'), 'line 3: crm.url'],
    ['a list that is none', `${GOOD.slice(0, GOOD.indexOf('users:'))}users: alice\n`, 'line 13: users'],
    ['no connection', GOOD.slice(0, GOOD.indexOf('exchange:')), 'line 1: exchange is missing.'],
    ['a channel binding that is none', GOOD.replace('    impersonation: true', '    impersonation: true\n    channelBinding: maybe'), 'line 13: exchange.0.channelBinding: Invalid option: expected one of "auto"|"on"|"off".'],
    ['an address and a service that would find it', GOOD.replace('    impersonation: true', '    impersonation: true\n    autodiscover: https://autodiscover.example.test/autodiscover/autodiscover.svc'), 'line 7: "onprem" has a url, so autodiscover is never asked. Remove one of them.'],
    ['Microsoft 365 without a tenant', GOOD.replace('kind: ews', 'kind: graph'), 'line 7: "onprem" needs tenant: a domain of the company or its directory id'],
    ['Microsoft 365 without an application', cloud('tenant: example.test'), 'line 7: "cloud" needs clientId'],
    ['every tenant at once', cloud('tenant: common, clientId: app'), 'line 7: tenant "common" of "cloud" is no tenant.'],
    ['an application without proof', cloud('tenant: t, clientId: app, access: application'), 'line 7: access: application needs clientSecret or certificate of "cloud".'],
    ['two proofs', cloud('tenant: t, clientId: app, clientSecret: s, certificate: c.pem'), 'line 7: "cloud" has both clientSecret and certificate.'],
    ['a public address that is not https', cloud('tenant: t, clientId: app, publicUrl: http://sync.example.test'), 'line 7: publicUrl of "cloud" is plain http.'],
    ['an end of a secret that is no day', cloud('tenant: t, clientId: app, clientSecretExpires: 2027-02-30'), 'line 7: exchange.0.clientSecretExpires'],
    ['impersonation without its account', GOOD.replace('    username: svc@example.test\n', ''), 'line 7: impersonation needs the service account: give "onprem" username and password.'],
    ['no impersonation and no password', GOOD.replace('impersonation: true', 'impersonation: false'), 'line 14: "onprem" does not impersonate, so alice needs username and password.'],
    ['two connections of one name', GOOD.replace('users:', `  - { name: onprem, kind: ews, url: 'https://x.example.test/', username: s, password: p, impersonation: true }\nusers:`), 'line 13: the name "onprem" is used twice.'],
    ['a connection that does not exist', GOOD.replace('bob@example.test', 'bob@example.test, exchange: cloud'), 'line 15: bob names no connection that exists. Set exchange: to one of onprem.'],
    ['a mailbox of two users', GOOD.replace('bob@example.test', 'Alice@Example.test'), 'line 15: the mailbox Alice@Example.test is already given to alice. One mailbox belongs to one CRM user.'],
    ['a user named twice', GOOD.replace('crm: bob', 'crm: alice'), 'line 15: the CRM user alice stands in the list twice.'],
  ])('%s', (_what, yaml, message) => {
    expect(complaint(yaml)).toContain(message)
  })

  it('a variable of the environment that is not set', () => {
    expect(complaint(GOOD, { KEY: 'key' })).toBe('connector.yaml needs mending:\n  - line 11: exchange.0.password names the environment variable PASSWORD, which is not set. Set it, or write the value.')
  })

  it('YAML that is none', () => {
    expect(complaint(GOOD.replace('  username: admin', ' username: admin'))).toMatch(/^connector\.yaml, line 4, column \d+: not valid YAML: .* Check the indentation and quotes there\.$/s)
    expect(complaint(`${GOOD}policy: { conflict: "newest }\n`)).toMatch(/^connector\.yaml, line 1[67], column \d+: not valid YAML/)
  })

  it('a file that says nothing, or only a word', () => {
    expect(complaint('')).toContain('line 1: crm is missing.')
    expect(complaint('hello\n')).toContain('line 1: the file')
  })

  it('several at once, so that nobody mends one after the other', () => {
    const message = complaint(GOOD.replace('accessKey', 'acessKey').replace('kind: ews', 'kind: imap'))
    expect(message.split('\n').slice(1).map((line) => /line (\d+)/.exec(line)?.[1])).toEqual(expect.arrayContaining(['5', '8']))
  })

  it('a file that is not there', () => {
    expect(() => loadConfig('/nowhere/connector.yaml', {})).toThrow(/There is no configuration at \/nowhere\/connector\.yaml\. Write one \(README, "Connect your own servers"\) or name another with --config\./)
  })

  it('a folder where a file is meant', () => {
    const folder = fileURLToPath(new URL('.', import.meta.url))
    expect(() => loadConfig(folder, {})).toThrow(expect.objectContaining({ code: 'CONFIG_UNREADABLE', message: `${folder} cannot be read (EISDIR). Name a file that this account may read with --config.` }))
    expect(() => loadBeside(folder, true, {})).toThrow(expect.objectContaining({ code: 'CONFIG_UNREADABLE' }))
  })
})

describe('the surroundings', () => {
  it('come from the options, then the environment, then the defaults', () => {
    expect(surroundings({}, {})).toMatchObject({ configFile: expect.stringMatching(/\/connector\.yaml$/), dataDir: expect.stringMatching(/\/\.connector$/), databaseUrl: undefined, logLevel: 'warn' })
    expect(surroundings({ verbose: true }, { CONNECTOR_DATA: '/data', DATABASE_URL: '' })).toMatchObject({ dataDir: '/data', databaseUrl: undefined, logLevel: 'debug' })
    expect(surroundings({ data: '/mine', verbose: true }, { CONNECTOR_DATA: '/data', LOG_LEVEL: 'error', DATABASE_URL: 'postgres://x' })).toMatchObject({ dataDir: '/mine', databaseUrl: 'postgres://x', logLevel: 'error' })
  })

  it('a log level that there is not is told with those that there are', () => {
    expect(() => surroundings({}, { LOG_LEVEL: 'loud' })).toThrow(expect.objectContaining({ code: 'CONFIG_LOG_LEVEL', message: 'LOG_LEVEL is "loud". Set it to debug, info, warn or error.' }))
    expect(logLevelOf({ LOG_LEVEL: '' }, 'info')).toBe('info')
    expect(logLevelOf({ LOG_LEVEL: 'silent' }, 'info')).toBe('silent')
  })

  it.each(['nonsense', 'mysql://host/db', 'postgres://user:geheim@[host/db'])('a database address that is none is told without its password: %s', (url) => {
    expect(() => surroundings({}, { DATABASE_URL: url })).toThrow(expect.objectContaining({ code: 'CONFIG_DATABASE_URL', message: expect.not.stringContaining('geheim') }))
  })

  it.each(['postgresql://user@host:5433/db?sslmode=require', 'postgres:///db?host=/run/postgresql'])('takes a database at %s', (url) => {
    expect(surroundings({}, { DATABASE_URL: url }).databaseUrl).toBe(url)
  })
})
