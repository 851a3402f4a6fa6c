import { asSyncError } from '../lib/errors.ts'
import type { SyncError } from '../lib/errors.ts'
import { CRM_LANE, instant, instantMs, settledSetting } from '../model/index.ts'
import type { Instant, MailboxId } from '../model/index.ts'
import type { LaneRow } from '../ports.ts'
import { activeKinds, holdsOf, policyOf, reportError } from './context.ts'
import type { Engine, Run } from './context.ts'
import { applyDecisions } from './decide.ts'
import { createMarker } from './mark.ts'
import { ownerOf, withPeople } from './people.ts'
import { pullCrm, pullEntering, pullMailbox } from './pull.ts'
import { reviewPrivacy } from './privacy.ts'
import { reconcile } from './reconcile.ts'
import { recover } from './recover.ts'
import { withSeries } from './series/exchange.ts'

/**
 * One run of a lane, from pulling to marking. Never throws: what goes wrong is written on the lane with the time of the
 * next attempt, and hurts no other lane.
 */
export async function runLane(engine: Engine, lane: MailboxId): Promise<void> {
  const row = await findLane(engine, lane).catch((thrown: unknown) => {
    engine.log.error({ lane, code: asSyncError(thrown).code }, 'the store cannot be read')
  })
  if (!row || row.state === 'paused') return
  if (!engine.mode.once && row.retryAt !== null && instantMs(row.retryAt) > instantMs(engine.clock.now())) return
  const startedMs = engine.clock.elapsedMs()
  try {
    if (row.mailbox === null) await runCrm(engine)
    else await runMailbox(engine, row)
    await saveState(engine, row, null)
    engine.log.debug({ lane, ms: Math.round(engine.clock.elapsedMs() - startedMs) }, 'lane run done')
  } catch (thrown) {
    await fail(engine, row, asSyncError(thrown))
  }
}

async function findLane(engine: Engine, lane: MailboxId): Promise<LaneRow | undefined> {
  return (await engine.store.transaction((tx) => tx.lanes())).find((row) => row.lane === lane)
}

async function runCrm(engine: Engine): Promise<void> {
  const fence = await engine.store.raiseFence(CRM_LANE)
  const wasComplete = await isCrmComplete(engine)
  await pullCrm(engine, fence)
  // The first full reading is what first contact waits for.
  if (!wasComplete) await engine.store.transaction(async (tx) => tx.wake((await tx.lanes()).flatMap((row) => (row.mailbox === null ? [] : [row.lane]))), fence)
}

async function isCrmComplete(engine: Engine): Promise<boolean> {
  const channels = await engine.store.transaction((tx) => tx.channels(CRM_LANE))
  return activeKinds(engine.policy).every((kind) => channels.some((channel) => channel.kind === kind && channel.complete))
}

async function runMailbox(engine: Engine, row: LaneRow): Promise<void> {
  if (row.mailbox === null) return
  const raw = withPeople(engine.exchangeOf(row.mailbox), engine.directory())
  const beganAt = engine.clock.now()
  await raw.open(engine.mode.dry)
  const fence = await engine.store.raiseFence(row.lane)
  const chosen = policyOf(engine, row.lane)
  const policy = row.mailbox.availabilityOnly === true ? { ...chosen, availabilityOnly: true } : chosen
  const exchange = withSeries({ raw, lane: row.lane, store: engine.store, crm: engine.crm, fence, clock: engine.clock, policy })
  const run: Run = {
    engine, lane: row.lane, mailbox: row.mailbox, exchange, policy, fence, holds: holdsOf(exchange, engine.crm),
    owner: ownerOf(engine.directory(), row.mailbox), settledSince: await settledSince(engine, row.lane),
  }
  if (engine.mode.once) await engine.store.transaction((tx) => tx.hastenInbox(row.lane, engine.clock.now()), fence)
  if (!engine.mode.dry) await recover(run)
  await reviewPrivacy(run)
  await pullMailbox(run)
  // Matching needs both sides in full: without the CRM's first reading, everything would look new.
  if (!(await isCrmComplete(engine))) return
  await pullEntering(run)
  await applyDecisions(run)
  const marker = createMarker(run)
  try {
    await reconcile(run, () => marker.begin())
    await marker.finish()
  } finally {
    // Nothing of this run goes on after it: the lane is somebody else's then.
    await marker.stop()
  }
  if (run.settledSince === null) await noteSettled(run, beganAt)
}

async function settledSince(engine: Engine, lane: MailboxId): Promise<Instant | null> {
  return (await engine.store.transaction((tx) => tx.setting(settledSetting(lane)))) as Instant | null
}

/** The first synchronisation is over when nothing of it waits for another mailbox any more; what fails may fail for ever. */
async function noteSettled({ engine, lane, fence }: Run, since: Instant): Promise<void> {
  await engine.store.transaction(async (tx) => {
    const { waiting, failing } = await tx.countInbox(lane)
    if (waiting === failing) await tx.saveSetting(settledSetting(lane), since)
  }, fence)
}

async function saveState(engine: Engine, row: LaneRow, error: SyncError | null): Promise<void> {
  const now = engine.clock.now()
  const failures = error === null ? 0 : row.failures + 1
  // The row may have been paused or changed while we ran.
  await engine.store.transaction(async (tx) => {
    const fresh = (await tx.lanes()).find((candidate) => candidate.lane === row.lane) ?? row
    if (error === null && fresh.state === 'ok' && fresh.error === null && !isStale(fresh, now)) return
    await tx.saveLane({
      ...fresh,
      state: fresh.state === 'paused' ? 'paused' : error === null ? 'ok' : 'failing',
      error: error === null ? null : { code: error.code, message: error.message },
      failures,
      retryAt: error === null ? null : instant(instantMs(now) + retryDelayMs(error, failures)),
      lastRunAt: error === null ? now : fresh.lastRunAt,
    })
  })
}

/** An idle mailbox is polled often; its row need not be written every time. */
const isStale = (row: LaneRow, now: LaneRow['lastRunAt'] & string) => row.lastRunAt === null || instantMs(now) - instantMs(row.lastRunAt) > 30_000

function retryDelayMs(error: SyncError, failures: number): number {
  if (error.retryAfterMs !== undefined) return error.retryAfterMs
  // A wrong password is not tried again and again: servers lock accounts.
  const ceilingMs = error.remedy === 'ask-human' ? 15 * 60_000 : 60_000
  const baseMs = error.remedy === 'ask-human' ? 60_000 : 1000
  return Math.min(ceilingMs, baseMs * 2 ** Math.min(10, failures - 1))
}

async function fail(engine: Engine, row: LaneRow, error: SyncError): Promise<void> {
  engine.log.warn({ lane: row.lane, code: error.code, scope: error.scope, cause: error.remedy === 'bug' ? (error.cause as Error | undefined)?.stack : undefined }, error.message)
  // Another worker took the lane: nothing failed, it goes on there.
  if (error.code === 'STORE_FENCED') return
  reportError(engine.totals, { lane: row.lane, code: error.code, message: error.message })
  try {
    await saveState(engine, row, error)
  } catch (thrown) {
    engine.log.error({ lane: row.lane, code: asSyncError(thrown).code }, 'the failure of a lane could not be saved')
  }
}
