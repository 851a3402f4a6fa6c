import { z } from 'zod'

/** What goes over the API, in both directions; the panel's types and the API's description come from here. */
export const problem = z.object({ error: z.object({ code: z.string(), message: z.string() }) })
export const done = z.object({ ok: z.literal(true) })
export const counted = z.object({ ok: z.literal(true), count: z.number() })

const kind = z.enum(['event', 'task', 'contact'])
const side = z.enum(['exchange', 'crm'])
const direction = z.enum(['both', 'to-crm', 'to-exchange', 'off'])
const standing = z.enum(['off', 'starting', 'healthy', 'degraded', 'attention', 'paused'])
const trouble = z.object({ code: z.string(), message: z.string() }).nullable()
const paging = { offset: z.coerce.number().int().min(0).default(0), limit: z.coerce.number().int().min(1).max(200).default(25) }
const search = z.string().max(200).optional()
const flag = z.union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')])
const page = <T extends z.ZodType>(row: T) => z.object({ total: z.number(), rows: z.array(row).readonly() })

// ------------------------------------------------------------------------------------------------- session

export const person = z.object({ id: z.string(), name: z.string(), fullName: z.string(), admin: z.boolean(), zone: z.string(), readOnly: z.boolean() })
export const session = z.object({
  user: person.nullable(),
  /** Set while an administrator sees as somebody else. */
  seeAs: person.nullable(),
  csrf: z.string().nullable(),
  configured: z.boolean(),
  version: z.string(),
})
export const credentials = z.object({ username: z.string().min(1).max(200), password: z.string().min(1).max(1000) })

// -------------------------------------------------------------------------------------------------- health

export const health = z.object({
  counts: z.object({ starting: z.number(), healthy: z.number(), degraded: z.number(), attention: z.number(), paused: z.number() }),
  transports: z.object({ streaming: z.number(), polling: z.number(), none: z.number() }),
  crm: z.object({ state: z.enum(['new', 'ok', 'failing', 'paused']), error: trouble, cure: z.string().nullable(), lastRunAt: z.string().nullable(), url: z.string() }),
  connections: z.array(z.object({ name: z.string(), kind: z.string(), url: z.string().nullable(), auth: z.string(), impersonation: z.boolean(), mailboxes: z.number(), failing: z.number() })).readonly(),
  queue: z.object({ waiting: z.number(), running: z.number(), changes: z.number(), failing: z.number(), oldestDue: z.string().nullable() }),
  linked: z.number(),
  attention: z.object({ conflicts: z.number(), held: z.number(), mails: z.number(), failing: z.number() }),
  database: z.object({ version: z.string().nullable(), embedded: z.boolean(), bytes: z.number(), answerMs: z.number() }),
  expiries: z.array(z.object({ what: z.enum(['certificate', 'own-certificate', 'secret', 'token']), of: z.string(), at: z.string() })).readonly(),
})
const percentiles = { side, p50: z.number(), p95: z.number(), count: z.number() }
export const latency = z.object({
  summary: z.array(z.object(percentiles)).readonly(),
  points: z.array(z.object({ ...percentiles, at: z.string() })).readonly(),
  since: z.string(),
  until: z.string(),
})
export const span = z.object({ span: z.enum(['hour', 'day']).default('hour') })

// --------------------------------------------------------------------------------------------------- users

export const userRow = z.object({
  id: z.string(), name: z.string(), fullName: z.string(), active: z.boolean(), admin: z.boolean(), zone: z.string(),
  mailbox: z.string().nullable(), suggested: z.string().nullable(), connection: z.string().nullable(), ownCredentials: z.boolean(),
  aliases: z.array(z.string()).readonly(), availabilityOnly: z.boolean(),
  standing, transport: z.enum(['streaming', 'polling', 'none']),
  linked: z.number(), waiting: z.number(), failing: z.number(), skipped: z.number(), issues: z.number(), firstSyncDone: z.boolean(),
  lastToExchange: z.string().nullable(), lastToCrm: z.string().nullable(), lastRunAt: z.string().nullable(), retryAt: z.string().nullable(),
  error: trouble, cure: z.string().nullable(),
})
export const userQuery = z.object({
  search, standing: standing.optional(), connected: flag.optional(), ...paging,
  sort: z.enum(['name', 'fullName', 'standing', 'mailbox']).default('standing'), descending: flag.default(false),
})
export const userPage = page(userRow)
/** As in the configuration file; what is not named stays as it is. */
export const userChange = z.object({ aliases: z.array(z.email()).max(50).optional(), availabilityOnly: z.boolean().optional() })
const ids = z.array(z.string()).min(1).max(2000)
export const someUsers = z.object({ ids })
const enabling = z.object({ id: z.string(), mailbox: z.email().optional(), connection: z.string().optional() })
export const testing = z.object({ users: z.array(enabling).min(1).max(2000) })
const takeUp = z.enum(['all', 'new']).default('all')
export const enablingMany = z.object({ users: z.array(enabling).min(1).max(2000), takeUp })
export const resetting = z.object({
  ids,
  /** What about the pairs there are: go on with them, or forget and match them anew. Nothing is deleted on either side. */
  existing: z.enum(['keep', 'match-again']),
  takeUp,
})
const step = z.object({ name: z.string(), ok: z.boolean(), detail: z.string(), cure: z.string() })
export const testResult = z.object({ id: z.string(), name: z.string(), mailbox: z.string().nullable(), ok: z.boolean(), checks: z.array(step).readonly() })
export const task = z.object({
  id: z.string(), kind: z.string(), state: z.enum(['running', 'done', 'failed']), total: z.number(), done: z.number(), result: z.unknown(), error: z.string().nullable(),
})

// ----------------------------------------------------------------------------------------- groups and policy

export const groupRow = z.object({ id: z.string(), name: z.string(), members: z.array(z.string()).readonly(), unconnected: z.array(z.string()).readonly(), configured: z.boolean() })
export const groups = z.object({ rows: z.array(groupRow).readonly(), defaultContactUser: z.string().nullable() })
export const members = z.object({ members: z.array(z.string()).max(5000) })
export const companyPolicy = z.object({
  sync: z.object({ events: direction, tasks: direction, contacts: z.enum(['to-exchange', 'off']), pastDays: z.number().int().min(0).max(3650), futureDays: z.number().int().min(1).max(3650) }),
  policy: z.looseObject({
    conflict: z.enum(['newest', 'crm', 'exchange', 'ask']), privateItems: z.enum(['mask', 'skip', 'full']), groupCompletion: z.enum(['any', 'all', 'own']),
    meetings: z.enum(['copies', 'exchange']), sendMeetingUpdates: z.boolean(), cancelMeetings: z.boolean(), answers: z.enum(['silent', 'mail']),
    foreignDeletion: z.enum(['restore', 'hide']), inviteContacts: z.boolean(), pastEvents: z.enum(['keep', 'delete']),
    contacts: z.enum(['leave', 'crm-wins']), defaultContactUser: z.string().nullable(), deletionGraceSeconds: z.number().int().min(0).max(86_400),
    deletionLimit: z.object({ count: z.number().int().min(0), percent: z.number().min(0).max(100) }),
  }),
  fromPanel: z.boolean(),
})
export const policyChange = companyPolicy.omit({ fromPanel: true })
const categories = z.object({ only: z.array(z.string().min(1).max(255)).max(100).readonly(), except: z.array(z.string().min(1).max(255)).max(100).readonly() })
const directions = z.object({ event: direction, task: direction, contact: direction })
export const effective = z.object({
  direction: directions, conflict: z.enum(['newest', 'crm', 'exchange', 'ask']), privateItems: z.enum(['mask', 'skip', 'full']), pastDays: z.number(), futureDays: z.number(),
  availabilityOnly: z.boolean(), categories, since: z.string().nullable(),
})
export const effectivePage = page(z.object({ id: z.string(), name: z.string(), fullName: z.string(), policy: effective, own: z.array(z.string()).readonly() }))
export const listQuery = z.object({ search, ...paging })

// ---------------------------------------------------------------------------------------------------- jobs

export const job = z.object({
  name: z.string(), schedule: z.string(), usualSchedule: z.string(), paused: z.boolean(), running: z.boolean(), lastRunAt: z.string().nullable(),
  nextRunAt: z.string().nullable(), ms: z.number().nullable(), result: z.enum(['done', 'failed']).nullable(), message: z.string().nullable(),
})
export const jobs = z.object({ rows: z.array(job).readonly() })
export const jobChange = z.object({ schedule: z.string().min(1).max(100).optional(), paused: z.boolean().optional() })

// ------------------------------------------------------------------------------------------------ activity

const fields = z.record(z.string(), z.unknown()).nullable()
const people = z.array(z.object({ address: z.string(), name: z.string() })).readonly()
export const write = z.object({
  seq: z.number(), id: z.string(), at: z.string(), user: z.string().nullable(), mailbox: z.string().nullable(), kind, side,
  type: z.enum(['create', 'update', 'delete', 'stamp', 'reference']), state: z.enum(['open', 'done', 'failed']), outcome: z.string().nullable(),
  title: z.string().nullable(), record: z.string().nullable(), item: z.string().nullable(), reason: z.string(), before: fields, after: fields,
  untold: people.nullable(),
})
export const writes = z.object({ rows: z.array(write).readonly(), next: z.number().nullable() })
export const activityQuery = z.object({
  user: z.string().optional(), search, kind: kind.optional(), side: side.optional(), type: write.shape.type.optional(), state: write.shape.state.optional(),
  from: z.iso.datetime({ offset: true }).optional(), to: z.iso.datetime({ offset: true }).optional(), before: z.coerce.number().int().optional(),
  marks: flag.default(false), limit: z.coerce.number().int().min(1).max(200).default(50),
})
export const logEntries = z.object({
  rows: z.array(z.object({ id: z.number(), at: z.string(), userName: z.string(), action: z.string(), subject: z.string(), detail: z.record(z.string(), z.unknown()) })).readonly(),
})
export const logQuery = z.object({ before: z.coerce.number().int().optional(), limit: z.coerce.number().int().min(1).max(200).default(50) })
export const why = z.object({
  found: z.boolean(),
  copies: z.array(z.object({ kind, record: z.string(), item: z.string(), mailbox: z.string().nullable(), role: z.string(), title: z.string() })).readonly(),
  skips: z.array(z.object({ side, reason: z.string(), why: z.string(), mailbox: z.string().nullable(), enterAt: z.string().nullable() })).readonly(),
  waiting: z.array(z.object({ side, dueAt: z.string(), attempts: z.number(), error: z.string().nullable(), mailbox: z.string().nullable() })).readonly(),
  held: z.array(z.object({ id: z.string(), reason: z.string(), mailbox: z.string().nullable() })).readonly(),
})
export const whyQuery = z.object({ item: z.string().min(1).max(2000) })

// ----------------------------------------------------------------------------------------------- attention

const whose = { user: z.string().nullable(), mailbox: z.string().nullable(), lane: z.string(), kind, at: z.string() }
export const attentionSummary = z.object({ conflicts: z.number(), held: z.number(), failing: z.number(), mails: z.number(), unrepresentable: z.number() })
export const attentionQuery = z.object({ user: z.string().optional(), ...paging })
export const skipQuery = z.object({ user: z.string().optional(), every: flag.default(false), ...paging })
export const conflicts = page(z.object({
  ...whose, id: z.string(), record: z.string(), item: z.string(), title: z.string().nullable(), field: z.string(), state: z.enum(['open', 'decided', 'closed']),
  winner: side.nullable(), base: z.unknown().optional(), exchange: z.unknown().optional(), crm: z.unknown().optional(),
}))
export const heldPage = page(z.object({
  ...whose, id: z.string(), what: z.enum(['delete-crm', 'delete-exchange', 'ambiguous']), side, item: z.string(), title: z.string().nullable(),
  candidates: z.array(z.string()).readonly(), reason: z.string(),
}))
export const failing = page(z.object({
  user: whose.user, mailbox: whose.mailbox, lane: z.string(), kind, side, id: z.string(), attempts: z.number(), dueAt: z.string(),
  error: z.object({ code: z.string(), message: z.string() }), title: z.string().nullable(),
}))
export const skips = page(z.object({ ...whose, side, id: z.string(), title: z.string().nullable(), reason: z.string(), why: z.string(), enterAt: z.string().nullable() }))
export const untold = page(z.object({
  ...whose, id: z.string(), item: z.string(), record: z.string(), title: z.string().nullable(), before: fields, after: fields,
  people,
}))
export const someWrites = z.object({ ids })
export const conflictDecision = z.object({ ids, winner: side })
export const heldDecision = z.object({ ids, decision: z.enum(['apply', 'restore', 'unlink']) })
export const failingItem = z.object({ lane: z.string(), side, id: z.string() })

// -------------------------------------------------------------------------------------------- availability

export const availabilityQuery = z.object({ from: z.iso.datetime({ offset: true }), to: z.iso.datetime({ offset: true }), search, ...paging })
export const availability = page(z.object({
  id: z.string(), name: z.string(), fullName: z.string(), source: z.enum(['server', 'synchronised']),
  blocks: z.array(z.object({ start: z.string(), end: z.string(), freeBusy: z.string(), allDay: z.boolean() })).readonly(),
}))

// ------------------------------------------------------------------------------------------------- connect

export const crmDraft = z.object({
  url: z.url({ protocol: /^https?$/ }), username: z.string().min(1), accessKey: z.string().optional(), password: z.string().optional(), allowHttp: z.boolean().default(false),
})
const crmRhythm = { pollSeconds: z.number().min(1).max(3600), referenceField: z.string().max(100) }
export const crmSettings = z.object({ url: z.string(), username: z.string(), ...crmRhythm })
export const crmChange = z.object(crmRhythm).partial()
export const connectionDraft = z.object({
  name: z.string().regex(/^[\w .-]{1,60}$/, 'use letters, digits, blanks, dots and dashes'), kind: z.enum(['ews', 'graph']), url: z.url({ protocol: /^https?$/ }).optional(),
  auth: z.enum(['basic', 'ntlm']).default('basic'), username: z.string().optional(), password: z.string().optional(), impersonation: z.boolean().default(false),
  ca: z.string().optional(), allowHttp: z.boolean().default(false), delegation: z.boolean().optional(), channelBinding: z.enum(['auto', 'on', 'off']).optional(),
  autodiscover: z.url({ protocol: /^https?$/ }).optional(), trustedHosts: z.array(z.string().min(1)).max(50).optional(),
  tenant: z.string().optional(), clientId: z.string().optional(), clientSecret: z.string().optional(), access: z.enum(['delegated', 'application']).optional(),
  clientSecretExpires: z.iso.date().optional(), tasks: z.boolean().optional(), pollSeconds: z.number().min(1).max(3600).optional(),
  loginUrl: z.url({ protocol: /^https?$/ }).optional(), graphUrl: z.url({ protocol: /^https?$/ }).optional(), publicUrl: z.url({ protocol: /^https?$/ }).optional(),
})
/** `change`: the connection of this name is changed; secrets that are left out stay as they are. */
export const connectionTest = z.object({ connection: connectionDraft, mailbox: z.email(), username: z.string().optional(), password: z.string().optional(), change: z.boolean().default(false) })
export const connections = z.object({
  rows: z.array(connectionDraft.omit({ password: true, clientSecret: true, ca: true, trustedHosts: true, tasks: true, pollSeconds: true, publicUrl: true }).extend({
    name: z.string(), hasPassword: z.boolean(), hasClientSecret: z.boolean(), mailbox: z.string().nullable(),
  })).readonly(),
})
export const steps = z.object({ ok: z.boolean(), checks: z.array(step).readonly() })
export const candidates = page(z.object({ id: z.string(), name: z.string(), fullName: z.string(), suggested: z.string().nullable(), connected: z.boolean() }))
const chosen = z.array(z.object({ crm: z.string(), mailbox: z.email() })).max(2000)
export const choosing = z.object({ users: chosen.min(1) })
export const finishing = z.object({ users: chosen, takeUp })
export const previewResult = z.object({
  mails: z.number(), linked: z.number(), failed: z.number(), held: z.number(), conflicts: z.number(), skippedBy: z.record(z.string(), z.number()),
  writes: z.array(z.object({ mailbox: z.string(), side: z.string(), type: z.string(), kind: z.string(), count: z.number() })).readonly(), errors: z.array(z.string()).readonly(),
})

// ------------------------------------------------------------------------------------------------------ me

export const wishes = z.object({
  direction: directions.partial().optional(), pastDays: z.number().int().min(0).max(3650).optional(), futureDays: z.number().int().min(1).max(3650).optional(),
  privateItems: z.enum(['mask', 'skip', 'full']).optional(), availabilityOnly: z.boolean().optional(), categories: categories.optional(),
})
const way = z.object({ connection: z.string(), how: z.enum(['service', 'own', 'microsoft']), auth: z.string() })
export const me = z.object({
  user: userRow, ways: z.array(way).readonly(), way: way.nullable(), addresses: z.array(z.string()).readonly(), wishes, effective,
  company: z.object({ sync: companyPolicy.shape.sync, privateItems: z.enum(['mask', 'skip', 'full']), conflict: z.enum(['newest', 'crm', 'exchange', 'ask']), availabilityOnly: z.boolean() }),
  skippedBy: z.record(z.string(), z.number()),
})
export const ownMailbox = z.object({ connection: z.string(), mailbox: z.email().optional(), username: z.string().max(300).optional(), password: z.string().max(1000).optional() })
export const ownConnect = ownMailbox.extend({ takeUp })
export const popUpBegin = z.object({ connection: z.string(), mailbox: z.email().optional() })
export const sharing = z.object({
  /** Whether the server of the mailbox can be asked. */
  available: z.boolean(),
  entries: z.array(z.object({ type: z.enum(['user', 'default', 'anonymous', 'unknown']), address: z.string(), name: z.string(), level: z.enum(['none', 'availability', 'details', 'more']), role: z.string() })).readonly(),
  error: z.string().nullable(),
})
export const sharingChange = z.object({ colleague: z.email(), share: z.boolean() })
export const popUpUrl = z.object({ url: z.string() })

// -------------------------------------------------------------------------------------------------- tokens

export const token = z.object({
  id: z.string(), name: z.string(), scope: z.enum(['read', 'all']), userName: z.string(), createdAt: z.string(), usedAt: z.string().nullable(), expiresAt: z.string(),
})
export const tokens = z.object({ rows: z.array(token).readonly() })
export const newToken = z.object({ name: z.string().min(1).max(100), scope: z.enum(['read', 'all']).default('read'), days: z.number().int().min(1).max(730).default(90) })
export const madeToken = z.object({ id: z.string(), secret: z.string() })
