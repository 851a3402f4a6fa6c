import { asSyncError, SyncError } from '../lib/errors.ts'
import { isZone } from '../lib/zoned.ts'
import { ITEM_KINDS } from '../model/index.ts'
import type { Clock } from '../ports.ts'
import { changesSince } from './changes.ts'
import { isAdmin, queryUsers } from './people.ts'
import type { RawRecord } from './record.ts'
import { describeModule, MODULES, type Schema } from './schema.ts'
import type { Identity, Sessions } from './session.ts'

/** One thing about the CRM's set-up, for `doctor` and for the start. */
export interface CrmCheck {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
  /** What to change and where; empty when all is well. */
  readonly cure: string
  /** An error keeps the connector from reading and writing; a warning only costs something. */
  readonly level: 'error' | 'warning'
}

export interface Examination {
  readonly checks: readonly CrmCheck[]
  /** IANA zone of the server's clock; null when it could not be learnt. */
  readonly server: string | null
  readonly schemas: ReadonlyMap<string, Schema>
}

const FORMAT = 'yyyy-mm-dd'
const PREFERENCES = 'Sign in to the CRM as an administrator, open Settings > Users > the API user'
/** What we write on every create. */
const FILLED = new Set([
  'subject',
  'activitytype',
  'eventstatus',
  'taskstatus',
  'date_start',
  'time_start',
  'due_date',
  'time_end',
  'duration_hours',
  'assigned_user_id',
])

/** Looks at everything the adapter relies on. @throws SyncError only when the CRM cannot be reached or logged in to */
export async function examine(sessions: Sessions, clock: Clock, referenceLabel: string): Promise<Examination> {
  const identity = await sessions.identity()
  const me = await apiUser(sessions, identity)
  const modules = await moduleChecks(sessions, referenceLabel)
  const zone = await zoneChecks(sessions, clock, identity)
  return {
    checks: [adminCheck(me, identity), formatCheck(me), ...zone.checks, ...modules.checks],
    server: zone.server,
    schemas: modules.schemas,
  }
}

async function apiUser(sessions: Sessions, identity: Identity): Promise<RawRecord | null> {
  try {
    return (await queryUsers(sessions)).find(({ id }) => id === identity.userId) ?? null
  } catch (thrown) {
    // A user who is not an administrator is denied the question.
    if (thrown instanceof SyncError && thrown.scope === 'item') return null
    throw thrown
  }
}

function adminCheck(me: RawRecord | null, identity: Identity): CrmCheck {
  const ok = me !== null && isAdmin(me)
  return check(
    'API user is an administrator',
    ok,
    ok ? `User ${identity.userId}.` : `User ${identity.userId} is not.`,
    `${PREFERENCES}, and tick "Admin": other users see only their own records and no users.`,
  )
}

function formatCheck(me: RawRecord | null): CrmCheck {
  const format = me?.date_format ?? 'unknown'
  return check(
    'Date format of the API user',
    format === FORMAT,
    `It is ${format}.`,
    `${PREFERENCES}, and set "Date Format" to ${FORMAT}: it decides how the CRM writes dates to the connector.`,
  )
}

async function zoneChecks(sessions: Sessions, clock: Clock, identity: Identity) {
  let answer: { local: string | null; user: string | null } | null = null
  let trouble = ''
  try {
    const seconds = Math.floor((Date.parse(clock.now()) + identity.skewMs) / 1_000)
    const { localZone, userZone } = await changesSince(sessions, { module: MODULES.event, from: seconds, entries: 1 })
    answer = { local: localZone, user: userZone }
  } catch (thrown) {
    // Without the module the operation is either denied or unknown, and unknown operations crash.
    const error = asSyncError(thrown)
    if (error.scope !== 'item' && error.code !== 'CRM_BAD_REPLY') throw thrown
    trouble = error.message
  }
  const sync = check(
    'Module VteSync answers',
    answer !== null,
    answer === null ? trouble : 'vtesync.get_changes works.',
    'Switch on the module "VteSync" in Settings > Module Manager and give the API user access to Events.',
  )
  if (answer === null) return { checks: [sync], server: null }
  const local = answer.local !== null && isZone(answer.local) ? answer.local : null
  const same = local !== null && answer.user === local && identity.zoneDifference === 0
  const zone = check(
    'Time zone of the API user',
    same,
    `The server's zone is ${answer.local ?? 'unknown'}, the API user's ${answer.user ?? 'unknown'}.`,
    local === null
      ? 'Set $default_timezone in config.inc.php of the CRM to an IANA zone, for example Europe/Rome.'
      : `${PREFERENCES}, and set "Time Zone" to ${local}: the CRM converts times by the API user's zone.`,
  )
  return { checks: [sync, zone], server: local }
}

async function moduleChecks(sessions: Sessions, referenceLabel: string) {
  const listed = (await sessions.call('listtypes', {})) as { types?: readonly unknown[] } | null
  const types = new Set((Array.isArray(listed?.types) ? listed.types : []).map(String))
  const schemas = new Map<string, Schema>()
  const checks: CrmCheck[] = []
  const present = ITEM_KINDS.map((kind) => MODULES[kind]).filter((module) => types.has(module))
  for (const schema of await sessions.map(present, (module) => describeModule(sessions, module, referenceLabel))) {
    schemas.set(schema.module, schema)
  }
  for (const kind of ITEM_KINDS) {
    const module = MODULES[kind]
    const schema = schemas.get(module)
    checks.push(
      check(
        `Module ${module}`,
        schema !== undefined,
        schema === undefined ? 'It is not there.' : 'It is there.',
        `Switch on the module "${module}" in Settings > Module Manager.`,
      ),
    )
    if (schema !== undefined) checks.push(referenceCheck(schema, referenceLabel), ...mandatoryChecks(schema))
  }
  return { checks, schemas }
}

function referenceCheck(schema: Schema, label: string): CrmCheck {
  const ok = schema.reference !== null
  return check(
    `Field "${label}" in ${schema.module}`,
    ok,
    ok ? `It is the field ${schema.reference}.` : 'It is not there: records will not show the Exchange id.',
    `Add a text field with the label "${label}" to ${schema.module} in Settings > Layout editor, if it is wanted.`,
    'warning',
  )
}

/** An administrator may add mandatory fields of his own: then nothing can be created. */
function mandatoryChecks(schema: Schema): CrmCheck[] {
  if (schema.module === MODULES.contact) return []
  return schema.mandatory
    .filter(({ name }) => !FILLED.has(name))
    .map(({ label }) =>
      check(
        `Mandatory field "${label}" in ${schema.module}`,
        false,
        'The connector does not fill it, so it cannot create records.',
        'Make the field optional in Settings > Layout editor, or give it a default value.',
        'warning',
      ),
    )
}

function check(name: string, ok: boolean, detail: string, cure: string, level: CrmCheck['level'] = 'error'): CrmCheck {
  return { name, ok, detail, cure: ok ? '' : cure, level }
}
