import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'
import type { Document, Node } from 'yaml'
import { z } from 'zod'
import { SyncError } from './lib/errors.ts'

const direction = z.enum(['both', 'to-crm', 'to-exchange', 'off'])

const crmSchema = z.strictObject({
  kind: z.literal('vtenext'),
  url: z.url({ protocol: /^https?$/ }),
  username: z.string().min(1),
  accessKey: z.string().min(1),
  pollSeconds: z.number().min(1).max(3600).default(5),
  /** Label of the text field that receives the Exchange id. */
  referenceField: z.string().default('Exchange ID'),
  allowHttp: z.boolean().default(false),
})

const connectionSchema = z.strictObject({
  name: z.string().min(1),
  kind: z.enum(['ews', 'graph']),
  /** Without it Autodiscover finds the server of each mailbox. */
  url: z.url({ protocol: /^https?$/ }).optional(),
  /** An Autodiscover service that is asked first. */
  autodiscover: z.url({ protocol: /^https?$/ }).optional(),
  /** Hosts that Autodiscover may believe although only DNS or plain http names them. */
  trustedHosts: z.array(z.string().min(1)).default([]),
  auth: z.enum(['basic', 'ntlm']).default('basic'),
  /** NTLM: whether the sign-in names the TLS channel; auto tries it. */
  channelBinding: z.enum(['auto', 'on', 'off']).default('auto'),
  username: z.string().optional(),
  password: z.string().optional(),
  impersonation: z.boolean().default(false),
  /** One service account that uses the rights it has in the folders of each mailbox. */
  delegation: z.boolean().default(false),
  ca: z.string().optional(),
  allowHttp: z.boolean().default(false),
  tenant: z.string().min(1).optional(),
  clientId: z.string().min(1).optional(),
  clientSecret: z.string().min(1).optional(),
  /** When the client secret ends, yyyy-mm-dd: `doctor` warns before. */
  clientSecretExpires: z.iso.date().optional(),
  /** PEM files; the key may stand in the certificate's own file. */
  certificate: z.string().optional(),
  certificateKey: z.string().optional(),
  access: z.enum(['delegated', 'application']).default('delegated'),
  /** With application access: the tenant consented to Tasks.ReadWrite.All. */
  tasks: z.boolean().default(false),
  /** National clouds have addresses of their own. */
  loginUrl: z.url({ protocol: /^https?$/ }).optional(),
  graphUrl: z.url({ protocol: /^https?$/ }).optional(),
  /** Where Microsoft 365 reaches this service; without it mailboxes are polled. */
  publicUrl: z.url({ protocol: /^https?$/ }).optional(),
  /** The shortest time between two polls of a mailbox. */
  pollSeconds: z.number().min(1).max(3600).default(30),
})

const userSchema = z.strictObject({
  crm: z.string().min(1),
  mailbox: z.email(),
  /** Other addresses of the mailbox, and earlier ones. */
  aliases: z.array(z.email()).default([]),
  /** The whole calendar reaches the CRM as free/busy blocks. */
  availabilityOnly: z.boolean().default(false),
  exchange: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
})

const configSchema = z.strictObject({
  crm: crmSchema,
  exchange: z.array(connectionSchema).min(1),
  users: z.array(userSchema).default([]),
  groups: z.array(z.strictObject({ crm: z.string().min(1), members: z.array(z.string()).default([]) })).default([]),
  sync: z
    .strictObject({
      events: direction.default('both'),
      tasks: direction.default('both'),
      contacts: z.enum(['to-exchange', 'off']).default('to-exchange'),
      pastDays: z.number().int().min(0).max(3650).default(30),
      futureDays: z.number().int().min(1).max(3650).default(365),
    })
    .prefault({}),
  policy: z
    .strictObject({
      conflict: z.enum(['newest', 'crm', 'exchange', 'ask']).default('newest'),
      privateItems: z.enum(['mask', 'skip', 'full']).default('mask'),
      groupCompletion: z.enum(['any', 'all', 'own']).default('any'),
      contacts: z.enum(['leave', 'crm-wins']).default('leave'),
      meetings: z.enum(['copies', 'exchange']).default('copies'),
      sendMeetingUpdates: z.boolean().default(false),
      cancelMeetings: z.boolean().default(false),
      answers: z.enum(['silent', 'mail']).default('silent'),
      foreignDeletion: z.enum(['restore', 'hide']).default('restore'),
      inviteContacts: z.boolean().default(false),
      pastEvents: z.enum(['keep', 'delete']).default('keep'),
      defaultContactUser: z.string().nullable().default(null),
      deletionGraceSeconds: z.number().int().min(0).max(86_400).default(60),
      deletionLimit: z.strictObject({ count: z.number().int().min(0).default(10), percent: z.number().min(0).max(100).default(20) }).prefault({}),
    })
    .prefault({}),
  http: z
    .strictObject({
      host: z.string().default('127.0.0.1'),
      port: z.number().int().min(0).max(65_535).default(8480),
      /** How browsers reach the panel, where a proxy stands before it. */
      publicUrl: z.url({ protocol: /^https?$/ }).optional(),
      /** Who may show the panel in a frame: the CRM's address, `https://crm.example.test`. */
      frameAncestors: z.array(z.url({ protocol: /^https?$/ })).default([]),
    })
    .prefault({}),
})

export type Config = z.infer<typeof configSchema>
/** The parts of the configuration that the panel can set; what it has set replaces that part of the file. */
export const SECTIONS = ['crm', 'exchange', 'users', 'groups', 'sync', 'policy'] as const
export type Section = (typeof SECTIONS)[number]
/** Parts of a configuration as somebody wrote them, not checked yet. */
export type Sections = Partial<Record<Section, unknown>>
export const HTTP_DEFAULTS: Config['http'] = { host: '127.0.0.1', port: 8480, frameAncestors: [] }
export type ConnectionConfig = Config['exchange'][number]
export type UserConfig = Config['users'][number]

/** What the process was started with, beside the file. The only place that reads the environment. */
export interface Surroundings {
  readonly configFile: string
  readonly dataDir: string
  readonly databaseUrl: string | undefined
  readonly logLevel: string
  /** One sync that ends: everything is asked at once, nothing is put off to a later poll. */
  readonly once?: boolean
  /** What the connector's clock shows when it starts, for tests; absent is the machine's own. */
  readonly now?: string
}

/** @throws SyncError CONFIG_LOG_LEVEL */
export function logLevelOf(env: NodeJS.ProcessEnv, usual: string): string {
  const level = env['LOG_LEVEL'] ?? ''
  if (level === '') return usual
  if (!LOG_LEVELS.has(level)) throw wrong('CONFIG_LOG_LEVEL', `LOG_LEVEL is "${level}". Set it to debug, info, warn or error.`)
  return level
}

const LOG_LEVELS = new Set(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])

function databaseUrlOf({ DATABASE_URL: url = '' }: NodeJS.ProcessEnv): string | undefined {
  if (url === '') return undefined
  // Without the value: it holds a password.
  if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url)) throw wrong('CONFIG_DATABASE_URL', 'DATABASE_URL is no address of a database. Write it as postgres://user:password@host/database, or leave it out: the connector then runs a database of its own.')
  return url
}

/** @throws SyncError CONFIG_LOG_LEVEL, CONFIG_DATABASE_URL */
export function surroundings(options: { config?: string; data?: string; verbose?: boolean; now?: string }, env = process.env): Surroundings {
  return {
    configFile: resolve(options.config ?? 'connector.yaml'),
    dataDir: resolve(options.data ?? env['CONNECTOR_DATA'] ?? '.connector'),
    databaseUrl: databaseUrlOf(env),
    logLevel: logLevelOf(env, options.verbose === true ? 'debug' : 'warn'),
    ...(options.now === undefined ? {} : { now: options.now }),
  }
}

/**
 * Reads and checks the configuration file.
 * @throws SyncError CONFIG_MISSING, CONFIG_UNREADABLE, CONFIG_INVALID: every mistake with its line and its cure
 */
export function loadConfig(file: string, env: NodeJS.ProcessEnv = process.env): Config {
  if (!existsSync(file)) throw noConfiguration(file)
  const config = parseConfig(textOf(file), env, file)
  return { ...config, exchange: config.exchange.map((one) => ({ ...one, ...pathsOf(one, dirname(file)) })) }
}

/**
 * The configuration as far as there is a file: a whole one, or one that leaves everything but `http` to the panel.
 * @param named whether somebody asked for this file; then it has to be there
 * @throws SyncError as loadConfig
 */
export function loadBeside(file: string, named: boolean, env: NodeJS.ProcessEnv = process.env): { readonly config: Config | null; readonly http: Config['http'] } {
  if (!named && !existsSync(file)) return { config: null, http: HTTP_DEFAULTS }
  if (existsSync(file)) {
    const text = textOf(file)
    const document = parseDocument(text)
    const keys = isMap(document.contents) ? document.contents.items.map(({ key }) => (isScalar(key) ? String(key.value) : '')) : []
    if (keys.length === 1 && keys[0] === 'http') return { config: null, http: parseWith(z.strictObject({ http: configSchema.shape.http }), text, env, file, () => []).http }
  }
  const config = loadConfig(file, env)
  return { config, http: config.http }
}

export const noConfiguration = (file: string): SyncError =>
  wrong('CONFIG_MISSING', `There is no configuration at ${file}. Write one (README, "Connect your own servers") or name another with --config. What was set in the panel lies in the data folder: name it with --data.`)

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw wrong('CONFIG_UNREADABLE', `${file} cannot be read (${(error as NodeJS.ErrnoException).code}). Name a file that this account may read with --config.`)
  }
}

/** Files named in the configuration lie beside it. */
function pathsOf(one: ConnectionConfig, folder: string): Partial<ConnectionConfig> {
  // One that was given in the panel is the certificate itself.
  const named = (['ca', 'certificate', 'certificateKey'] as const).filter((key) => one[key] !== undefined && !one[key].includes('-----BEGIN'))
  return Object.fromEntries(named.map((key) => [key, resolve(folder, one[key] ?? '')]))
}

/** @param file only named in messages */
export function parseConfig(text: string, env: NodeJS.ProcessEnv, file: string): Config {
  return parseWith(configSchema, text, env, file, contradictions)
}

type At = (path: Path) => string

function parseWith<T>(schema: z.ZodType<T>, text: string, env: NodeJS.ProcessEnv, file: string, against: (found: T, at: At) => string[]): T {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const [broken] = document.errors
  if (broken !== undefined) {
    const { line, col } = lines.linePos(broken.pos[0])
    throw wrong('CONFIG_INVALID', `${file}, line ${line}, column ${col}: not valid YAML: ${broken.message} Check the indentation and quotes there.`)
  }
  const problems: string[] = []
  const at = (path: readonly PropertyKey[]) => `line ${lineOf(document, lines, path)}`
  const values = substitute(document.toJS() as unknown, env, [], (path, name) => {
    problems.push(`${at(path)}: ${path.join('.')} names the environment variable ${name}, which is not set. Set it, or write the value.`)
  })
  const parsed = schema.safeParse(values ?? {})
  if (!parsed.success) problems.push(...parsed.error.issues.map((issue) => describe(issue, at)))
  else problems.push(...against(parsed.data, at))
  if (problems.length > 0 || !parsed.success) {
    throw wrong('CONFIG_INVALID', `${file} needs mending:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`)
  }
  return parsed.data
}

/**
 * Checks a configuration that did not come from a file.
 * @throws SyncError CONFIG_INVALID: every mistake with its cure
 */
export function checkConfig(value: unknown): Config {
  const parsed = configSchema.safeParse(value)
  const nowhere = () => ''
  const problems = parsed.success ? contradictions(parsed.data, nowhere) : parsed.error.issues.map((issue) => describe(issue, nowhere))
  if (problems.length === 0 && parsed.success) return parsed.data
  throw wrong('CONFIG_INVALID', problems.map((problem) => problem.replace(/^: /, '')).join('\n'))
}

type Path = readonly PropertyKey[]

function describe(issue: z.core.$ZodIssue, at: (path: Path) => string): string {
  const name = issue.path.length === 0 ? 'the file' : issue.path.join('.')
  if (issue.code === 'unrecognized_keys') {
    return `${at([...issue.path, issue.keys[0] ?? ''])}: ${name} has the unknown key ${issue.keys.map((key) => `"${key}"`).join(', ')}. Check the spelling against README.`
  }
  if (issue.code === 'invalid_type' && issue.message.endsWith('received undefined')) return `${at(issue.path)}: ${name} is missing.`
  return `${at(issue.path)}: ${name}: ${issue.message}.`
}

/** What each value allows but their combination does not. */
function contradictions(config: Config, at: (path: Path) => string): string[] {
  const problems: string[] = []
  for (const [index, one] of config.exchange.entries()) {
    const where = at(['exchange', index])
    if (one.url !== undefined && one.autodiscover !== undefined) problems.push(`${where}: "${one.name}" has a url, so autodiscover is never asked. Remove one of them.`)
    if (one.kind === 'graph') problems.push(...graphProblems(one).map((problem) => `${where}: ${problem}`))
    if ((one.impersonation || one.delegation) && (one.username === undefined || one.password === undefined)) {
      problems.push(`${where}: ${one.impersonation ? 'impersonation' : 'delegation'} needs the service account: give "${one.name}" username and password.`)
    }
    if (one.impersonation && one.delegation) problems.push(`${where}: "${one.name}" either impersonates or uses folder rights (delegation). Remove one of them.`)
    if (config.exchange.some((other, before) => before < index && other.name === one.name)) problems.push(`${where}: the name "${one.name}" is used twice.`)
  }
  for (const [index, user] of config.users.entries()) {
    const where = at(['users', index])
    const connection = connectionOf(config, user)
    if (connection === undefined) problems.push(`${where}: ${user.crm} names no connection that exists. Set exchange: to one of ${config.exchange.map((one) => one.name).join(', ')}.`)
    else if (connection.kind === 'ews' && !connection.impersonation && !connection.delegation && (user.username === undefined || user.password === undefined)) {
      problems.push(`${where}: "${connection.name}" does not impersonate, so ${user.crm} needs username and password.`)
    }
    const twin = config.users.findIndex((other) => other.mailbox.toLowerCase() === user.mailbox.toLowerCase())
    if (twin < index) problems.push(`${where}: the mailbox ${user.mailbox} is already given to ${config.users[twin]?.crm}. One mailbox belongs to one CRM user.`)
    for (const alias of user.aliases) {
      const owner = config.users.find((other) => [other.mailbox, ...(other === user ? [] : other.aliases)].some((address) => address.toLowerCase() === alias.toLowerCase()))
      if (owner !== undefined) problems.push(`${where}: the alias ${alias} of ${user.crm} is ${owner === user ? 'the mailbox itself' : `an address of ${owner.crm}, too`}. Remove it; every address belongs to one user.`)
    }
    if (config.users.some((other, before) => before < index && other.crm === user.crm)) problems.push(`${where}: the CRM user ${user.crm} stands in the list twice.`)
  }
  return problems
}

const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/

/** What a connection to Microsoft 365 needs and what contradicts itself. */
function graphProblems(one: ConnectionConfig): string[] {
  const problems: string[] = []
  const { name } = one
  if (one.tenant === undefined) problems.push(`"${name}" needs tenant: a domain of the company or its directory id (Microsoft Entra, "Overview").`)
  else if (/^(?:common|organizations|consumers)$/i.test(one.tenant)) problems.push(`tenant "${one.tenant}" of "${name}" is no tenant. Give a domain of the company or its directory id.`)
  if (one.clientId === undefined) problems.push(`"${name}" needs clientId: the "Application (client) ID" of the app registration.`)
  if (one.access === 'application' && one.clientSecret === undefined && one.certificate === undefined) {
    problems.push(`access: application needs clientSecret or certificate of "${name}".`)
  }
  if (one.clientSecret !== undefined && one.certificate !== undefined) problems.push(`"${name}" has both clientSecret and certificate. Keep one of them.`)
  for (const key of ['loginUrl', 'graphUrl', 'publicUrl'] as const) {
    const url = one[key] === undefined ? null : new URL(one[key])
    if (url?.protocol === 'http:' && !one.allowHttp && !LOOPBACK.test(url.hostname)) problems.push(`${key} of "${name}" is plain http. Use https; Microsoft 365 accepts nothing else.`)
  }
  return problems
}

/** The connection of a user: the named one, or the only one there is. */
export function connectionOf(config: Config, user: UserConfig): ConnectionConfig | undefined {
  if (user.exchange === undefined) return config.exchange.length === 1 ? config.exchange[0] : undefined
  return config.exchange.find((one) => one.name === user.exchange)
}

function substitute(value: unknown, env: NodeJS.ProcessEnv, path: Path, missing: (path: Path, name: string) => void): unknown {
  if (typeof value === 'string') {
    return value.replace(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (_, name: string) => {
      const found = env[name]
      if (found === undefined) missing(path, name)
      return found ?? ''
    })
  }
  if (Array.isArray(value)) return value.map((entry, index) => substitute(entry, env, [...path, index], missing))
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, substitute(entry, env, [...path, key], missing)]))
  }
  return value
}

/** The line of the deepest part of the path that the file has. */
function lineOf(document: Document.Parsed, lines: LineCounter, path: Path): number {
  let node: Node | null = document.contents
  let offset = node?.range?.[0] ?? 0
  for (const part of path) {
    if (isMap(node)) {
      const pair: { key: unknown; value: unknown } | undefined = node.items.find((item) => isScalar(item.key) && item.key.value === part)
      if (pair === undefined) break
      offset = (pair.key as Node).range?.[0] ?? offset
      node = pair.value as Node | null
    } else if (isSeq(node)) {
      node = (node.items[Number(part)] as Node | undefined) ?? null
      if (node === null) break
      offset = node.range?.[0] ?? offset
    } else break
  }
  return lines.linePos(offset).line
}

const wrong = (code: string, message: string) => new SyncError(code, message, { scope: 'system', remedy: 'ask-human' })

/**
 * The installation's id in stamps. Derived from the CRM's address, so that it survives the loss of our database; two
 * installations on one CRM recognise each other's items.
 */
export function instanceOf(config: Config): string {
  const url = new URL(config.crm.url)
  const hash = createHash('sha256').update(`${url.host}${url.pathname}`.toLowerCase()).digest('hex')
  return [hash.slice(0, 8), hash.slice(8, 12), hash.slice(12, 16), hash.slice(16, 20), hash.slice(20, 32)].join('-')
}
