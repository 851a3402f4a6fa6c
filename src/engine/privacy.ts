import { instant } from '../model/index.ts'
import type { Copy, CopyId, Instant, ItemId, ItemKind } from '../model/index.ts'
import { isConcerned } from '../sync/index.ts'
import { activeKinds } from './context.ts'
import type { Run } from './context.ts'
import { lookAgain, lookAtAll, putNews } from './look.ts'
import type { News } from './look.ts'

const PAGE = 500
const END_OF_TIME = '9999-12-31T23:59:59Z' as Instant

/**
 * What the CRM may know of this mailbox has changed: what is linked is read again, and so gets or loses its words like
 * anything that changed in Exchange. Remembered only when all of it is filed, so that a crash begins it anew.
 */
export async function reviewPrivacy(run: Run): Promise<void> {
  const { engine, lane, policy } = run
  const name = `privacy:${lane}`
  const shares = policy.availabilityOnly === true ? 'times' : 'all'
  const wanted = `${policy.privateItems}/${shares}`
  const known = await engine.store.transaction((tx) => tx.setting(name))
  if (known === wanted || engine.mode.dry) return
  // A mailbox that was never looked at holds nothing yet.
  if (known !== null) {
    const isWide = !known.endsWith(`/${shares}`)
    for (const kind of activeKinds(policy).filter((one) => one !== 'contact')) {
      await reviewWaiting(run, kind)
      await reviewLinked(run, kind, isWide)
    }
    await reviewSeries(run)
    await reviewSkipped(run)
  }
  await engine.store.transaction((tx) => tx.saveSetting(name, wanted), run.fence)
}

type Wanted = { readonly id: ItemId; readonly copy: Copy | null }

async function reviewLinked(run: Run, kind: ItemKind, isWide: boolean): Promise<void> {
  for (let after: CopyId | null = null; ; ) {
    const page = await run.engine.store.transaction((tx) => tx.copiesOf(run.lane, kind, after, PAGE))
    // Occurrences are told by their master.
    const wanted = page.filter(({ copy }) => copy.traits.occurrence !== true && (copy.traits.masked === true || isConcerned(copy.base.exchange, isWide)))
    await file(run, kind, wanted.map(({ copy }) => ({ id: copy.exchange.id, copy })))
    if (page.length < PAGE) return
    after = page[page.length - 1]?.copy.id ?? null
  }
}

/** What was filed under the policy of before and still waits. */
async function reviewWaiting(run: Run, kind: ItemKind): Promise<void> {
  const waiting = await run.engine.store.transaction(async (tx) => {
    const rows = (await tx.takeInbox(run.lane, END_OF_TIME, Number.MAX_SAFE_INTEGER)).filter((row) => row.side === 'exchange' && row.kind === kind && row.sighting.type === 'seen')
    const copies = new Map((await tx.copiesByItem(run.lane, rows.map(({ id }) => id))).map(({ copy }) => [copy.exchange.id, copy]))
    return rows.map(({ id }): Wanted => ({ id, copy: copies.get(id) ?? null }))
  })
  for (let at = 0; at < waiting.length; at += PAGE) await file(run, kind, waiting.slice(at, at + PAGE))
}

async function file(run: Run, kind: ItemKind, wanted: readonly Wanted[]): Promise<void> {
  if (wanted.length === 0) return
  const news = await lookAtAll(run, 'exchange', kind, wanted).catch(() => oneByOne(run, kind, wanted))
  await run.engine.store.transaction((tx) => putNews(tx, news), run.fence)
}

/** One item that cannot be read keeps what it has until it can, and does not keep the others waiting. */
async function oneByOne(run: Run, kind: ItemKind, wanted: readonly Wanted[]): Promise<News[]> {
  const news: News[] = []
  for (const one of wanted) {
    const read = await lookAgain(run, 'exchange', kind, one).catch((thrown: unknown) => {
      if ((thrown as { scope?: unknown }).scope !== 'item') throw thrown
      run.engine.log.warn({ lane: run.lane, item: one.id }, 'an item cannot be read again after a change of the privacy policy')
      return null
    })
    if (read !== null) news.push(read)
  }
  return news
}

/** Every master is compared with the server at the next pull of this very run, or of the next one. */
async function reviewSeries(run: Run): Promise<void> {
  const now = run.engine.clock.now()
  await run.engine.store.transaction(async (tx) => {
    await tx.saveSeries((await tx.series(run.lane)).map((row) => ({ ...row, dueAt: now, readAt: instant(0) })))
  }, run.fence)
}

/** What was left out for being private may come now. */
async function reviewSkipped(run: Run): Promise<void> {
  const now = run.engine.clock.now()
  await run.engine.store.transaction(async (tx) => {
    const skips = (await tx.skips(run.lane, Number.MAX_SAFE_INTEGER)).filter(({ side, reason }) => side === 'exchange' && reason === 'private')
    await tx.putSkips(skips.map((skip) => ({ ...skip, enterAt: now })))
  }, run.fence)
}
