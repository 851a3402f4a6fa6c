import { beforeEach, describe, expect, it } from 'vitest'
import { contentHash } from '../../src/lib/content-hash.ts'
import { assigneeId, changeKey, copyId, itemId, mailboxId, naturalKey, operationId, settledSetting } from '../../src/model/index.ts'
import type { Copy, InboxRow } from '../../src/model/index.ts'
import type { Store, Tx } from '../../src/ports.ts'
import {
  aConflict, aCopy, aHeld, ALICE, aLane, anEvent, anOperation, aSeries, aSighting, aSkip, aSnapshot, aTombstone, at, BOB,
} from '../support/store-rows.ts'

const ids = (rows: readonly { readonly id: string }[]) => rows.map((row) => row.id)
const copies = (rows: readonly { readonly copy: Copy }[]) => rows.map((row) => row.copy.id)

/** What every store does. @param makeStore an empty one for each test */
export function storeContract(name: string, makeStore: () => Promise<Store>): void {
  describe(`${name}: transactions`, () => {
    const { store, tx } = use(makeStore)

    it('a transaction that fails leaves nothing behind', async () => {
      await tx((t) => t.saveSetting('kept', 'before'))
      const failing = store().transaction(async (t) => {
        await t.saveSetting('kept', 'after')
        await t.putInbox([aSighting('a')])
        await t.saveCopies([aCopy('1')])
        throw new Error('stop')
      })
      await expect(failing).rejects.toThrow('stop')
      const seen = await tx(async (t) => [await t.setting('kept'), await t.countCopies(ALICE), (await t.countInbox(ALICE)).waiting])
      expect(seen).toEqual(['before', 0, 0])
    })

    it('what a transaction wrote it also reads, and it answers what its work answers', async () => {
      const answer = await tx(async (t) => {
        await t.saveSetting('name', 'value')
        return t.setting('name')
      })
      expect(answer).toBe('value')
    })

    it('only the latest run of a lane can commit, other lanes are not touched by that', async () => {
      const first = await store().raiseFence(ALICE)
      const other = await store().raiseFence(BOB)
      await store().transaction((t) => t.saveSetting('a', '1'), first)
      const second = await store().raiseFence(ALICE)
      expect(second.value).toBeGreaterThan(first.value)
      const late = store().transaction((t) => t.saveSetting('a', '2'), first)
      await expect(late).rejects.toMatchObject({ code: 'STORE_FENCED', scope: 'mailbox', remedy: 'retry' })
      await store().transaction((t) => t.saveSetting('b', '3'), second)
      await store().transaction((t) => t.saveSetting('c', '4'), other)
      expect(await tx(async (t) => [await t.setting('a'), await t.setting('b'), await t.setting('c')])).toEqual(['1', '3', '4'])
    })

    it('transactions side by side all count', async () => {
      await Promise.all(Array.from({ length: 12 }, (_, n) => tx((t) => t.putInbox([aSighting(`item-${n}`)]))))
      expect(await tx((t) => t.countInbox(ALICE))).toEqual({ waiting: 12, failing: 0 })
    })

    it('a snapshot sees one moment, whatever is committed while it reads', async () => {
      const { promise: read, resolve: hasRead } = Promise.withResolvers<void>()
      const other = read.then(() => store().transaction((t) => t.saveSetting('moment', 'later')))
      const seen = await store().snapshot(async (t) => {
        const before = await t.setting('moment')
        hasRead()
        // A store whose transactions take turns keeps the other one waiting.
        await Promise.race([other, new Promise((resolve) => setTimeout(resolve, 200))])
        return [before, await t.setting('moment')]
      })
      await other
      expect([seen, await tx((t) => t.setting('moment'))]).toEqual([[null, null], 'later'])
    })

    it('lists may be empty', async () => {
      await tx(async (t) => {
        await t.putInbox([])
        await t.dropInbox([])
        await t.deferInbox([])
        await t.saveCopies([])
        await t.removeCopies([])
        await t.putTombstones([])
        await t.putSkips([])
        await t.openOperations([])
        await t.settleOperations([])
        await t.putConflicts([])
        await t.closeConflicts([])
        await t.putHeld([])
        await t.removeHeld([])
        await t.wake([])
        expect(await t.copiesById([])).toEqual([])
        expect(await t.inboxLike(ALICE, 'crm', [], [])).toEqual([])
        expect(await t.recentWrites([], at(0))).toEqual(new Map())
      })
    })
  })

  describe(`${name}: lanes and channels`, () => {
    const { store, tx } = use(makeStore)

    it('a lane is kept with its mailbox and its trouble', async () => {
      const mailbox = {
        id: ALICE, address: 'alice@example.test', user: 'alice', userId: '19x4', connection: 'onprem', zone: 'Europe/Rome',
      } as never
      const row = aLane(ALICE, { mailbox, state: 'failing', error: { code: 'EWS_X', message: 'no' }, failures: 3, retryAt: at(5), lastRunAt: at(1) })
      await tx((t) => t.saveLane(aLane(ALICE)))
      await tx((t) => t.saveLane(row))
      await tx((t) => t.saveLane(aLane(mailboxId('crm'))))
      expect(await tx((t) => t.lanes())).toEqual([row, aLane(mailboxId('crm'))])
    })

    it('a removed lane takes its inbox, channels and skips along, not its copies and not its fence', async () => {
      const before = await store().raiseFence(ALICE)
      await tx(async (t) => {
        await t.saveLane(aLane(ALICE))
        await t.markDirty(ALICE, ['event'], at(0))
        await t.putInbox([aSighting('a'), aSighting('b', { lane: BOB })])
        await t.putSkips([aSkip('a')])
        await t.putHeld([aHeld('h')])
        await t.saveCopies([aCopy('1')])
        for (const lane of [ALICE, BOB]) await t.saveSetting(settledSetting(lane), at(1))
        await t.removeLane(ALICE)
      })
      const left = await tx(async (t) => [
        await t.lanes(), await t.channels(ALICE), await t.countInbox(ALICE), await t.countSkips(ALICE), await t.held({ lane: ALICE }),
        await t.countCopies(ALICE), (await t.countInbox(BOB)).waiting, await t.setting(settledSetting(ALICE)), await t.setting(settledSetting(BOB)),
      ])
      expect(left).toEqual([[], [], { waiting: 0, failing: 0 }, 0, [], 1, 1, null, at(1)])
      expect((await store().raiseFence(ALICE)).value).toBeGreaterThan(before.value)
    })

    it('a hint for a channel that does not exist yet makes it, and an older hint changes nothing', async () => {
      await tx((t) => t.markDirty(ALICE, ['task', 'event'], at(5)))
      await tx((t) => t.markDirty(ALICE, ['task'], at(3)))
      const fresh = { lane: ALICE, syncState: null, complete: false, pulledAt: null, resyncSince: null }
      expect(await tx((t) => t.channels(ALICE))).toEqual([
        { ...fresh, kind: 'event', dirtyAt: at(5) }, { ...fresh, kind: 'task', dirtyAt: at(5) },
      ])
    })

    it('a hint leaves the rest of a channel alone', async () => {
      const channel = { lane: ALICE, kind: 'event', syncState: 'S', complete: true, dirtyAt: null, pulledAt: at(1), resyncSince: at(0) } as never
      await tx((t) => t.saveChannel(channel))
      await tx((t) => t.markDirty(ALICE, ['event'], at(2)))
      expect(await tx((t) => t.channels(ALICE))).toEqual([{ ...(channel as object), dirtyAt: at(2) }])
    })
  })

  describe(`${name}: inbox`, () => {
    const { tx } = use(makeStore)
    const take = (limit = 100) => tx((t) => t.takeInbox(ALICE, at(10), limit))

    it('a sighting comes back whole', async () => {
      const snapshot = aSnapshot('a', 'Zoë 😀 "quoted" \\u0000 \n', { uid: 'U', traits: { masked: true }, bornAt: 'b', unsupported: 'recurring' })
      await tx((t) => t.putInbox([aSighting('a', { sighting: { type: 'seen', snapshot } })]))
      const [row] = await take()
      expect(row).toEqual({ ...aSighting('a', { sighting: { type: 'seen', snapshot } }), attempts: 0, error: null, version: row?.version })
    })

    it('rows come in the order of their time and then of their arrival, at most as many as asked', async () => {
      await tx((t) => t.putInbox([aSighting('late', { dueAt: at(11) }), aSighting('c', { dueAt: at(2) }), aSighting('b'), aSighting('a')]))
      expect(ids(await take())).toEqual(['b', 'a', 'c'])
      expect(ids(await take(2))).toEqual(['b', 'a'])
      await tx((t) => t.hastenInbox(ALICE, at(10)))
      expect(ids(await take())).toEqual(['b', 'a', 'c', 'late'])
    })

    it('ids differ by upper and lower case, and the sides have ids of their own', async () => {
      await tx((t) => t.putInbox([aSighting('AAa'), aSighting('AAA'), aSighting('AAA', { side: 'crm' })]))
      expect(ids(await tx((t) => t.inboxOf(ALICE, 'exchange', [itemId('AAa'), itemId('aaa')])))).toEqual(['AAa'])
      expect(await tx((t) => t.countInbox(ALICE))).toEqual({ waiting: 3, failing: 0 })
    })

    it('a later sighting replaces an earlier one and forgets its failures; in one list the last one counts', async () => {
      await tx((t) => t.putInbox([aSighting('a')]))
      const [first] = await take()
      const error = { code: 'X', message: 'y' }
      await tx((t) => t.deferInbox([{ ...ref(first), dueAt: at(9), attempts: 4, error, suspectSince: at(1) }]))
      expect(await tx((t) => t.countInbox(ALICE))).toEqual({ waiting: 1, failing: 1 })
      expect((await take())[0]).toMatchObject({ dueAt: at(9), attempts: 4, error, suspectSince: at(1), version: first?.version })
      const gone = { type: 'gone', changeKey: changeKey('k') } as const
      await tx((t) => t.putInbox([aSighting('a'), aSighting('a', { sighting: gone })]))
      expect(await take()).toMatchObject([{ sighting: gone, attempts: 0, error: null, suspectSince: null }])
    })

    it('work on an older version neither drops nor defers the newer one', async () => {
      await tx((t) => t.putInbox([aSighting('a'), aSighting('b')]))
      const [a, b] = await take()
      await tx((t) => t.putInbox([aSighting('a')]))
      await tx(async (t) => {
        await t.deferInbox([{ ...ref(a), dueAt: at(50), attempts: 9, error: null, suspectSince: null }])
        await t.dropInbox([ref(a), ref(b)])
      })
      expect(await take()).toMatchObject([{ id: 'a', attempts: 0, dueAt: at(0) }])
    })

    it('the counterpart of an unlinked item is found by its UID or its natural key, among seen rows of that side', async () => {
      const like = (id: string, subject: string, uid?: string) =>
        aSighting(id, { side: 'crm', sighting: { type: 'seen', snapshot: aSnapshot(id, subject, uid ? { uid } : {}) } })
      await tx((t) => t.putInbox([
        like('by-uid', 'One', 'UID-1'), like('by-key', 'Two'), like('other', 'Three', 'UID-3'), like('both', 'Two', 'UID-1'),
        aSighting('wrong-side', { sighting: { type: 'seen', snapshot: aSnapshot('x', 'Two') } }),
        aSighting('gone', { side: 'crm', sighting: { type: 'gone' } }),
      ]))
      const key = naturalKey(anEvent('two')) ?? ''
      expect(ids(await tx((t) => t.inboxLike(ALICE, 'crm', ['UID-1', 'uid-3'], [key])))).toEqual(['by-uid', 'by-key', 'both'])
      await tx((t) => t.putInbox([aSighting('by-key', { side: 'crm', sighting: { type: 'gone' } })]))
      expect(ids(await tx((t) => t.inboxLike(ALICE, 'crm', [], [key])))).toEqual(['both'])
    })

    it('all deletions of a lane are found, and which lanes wait for an id', async () => {
      const gone = { type: 'gone' } as const
      await tx((t) => t.putInbox([
        aSighting('a', { sighting: gone, dueAt: at(59) }), aSighting('b'), aSighting('c', { side: 'crm', sighting: gone }),
        aSighting('a', { lane: BOB, sighting: gone }), aSighting('c', { lane: BOB, side: 'crm' }),
      ]))
      expect(ids(await tx((t) => t.inboxGone(ALICE)))).toEqual(['a', 'c'])
      const waiting = await tx((t) => t.lanesWaitingFor('crm', [itemId('c'), itemId('a')]))
      expect(waiting).toEqual([{ lane: ALICE, id: 'c' }, { lane: BOB, id: 'c' }])
    })

    it('characters that a database cannot hold are left out, and nothing else', async () => {
      await tx((t) => t.putInbox([aSighting('a', { sighting: { type: 'seen', snapshot: aSnapshot('a', 'be\u0000fore \\u0000 after') } })]))
      const [row] = await take()
      const subject = row?.sighting.type === 'seen' ? (row.sighting.snapshot.item.fields as { subject: string }).subject : ''
      expect(subject.replace('\u0000', '')).toBe('before \\u0000 after')
    })
  })

  describe(`${name}: copies`, () => {
    const { tx } = use(makeStore)

    it('a copy comes back whole by item, record, UID and id', async () => {
      const row = aCopy('1', { traits: { hasAttendees: true } }, { bornAt: '2026-01-01', assignee: null })
      await tx((t) => t.saveCopies([row, aCopy('2')]))
      const found = await tx(async (t) => [
        await t.copiesByItem(ALICE, [itemId('item-1'), itemId('ITEM-2')]), await t.copiesByRecord([itemId('record-1')]),
        await t.copiesByUid(['uid-1']), await t.copiesById([copyId('1')]),
      ])
      expect(found).toEqual([[row], [row], [row], [row]])
      expect(await tx((t) => t.copiesByItem(BOB, [itemId('item-1')]))).toEqual([])
    })

    it('saving again replaces link and copy', async () => {
      await tx((t) => t.saveCopies([aCopy('1')]))
      const changed = aCopy('1', { stamped: false, exchange: { id: itemId('moved'), changeKey: changeKey('e2') } }, { uid: null, record: itemId('r2') })
      await tx((t) => t.saveCopies([changed]))
      expect(await tx((t) => t.copiesById([copyId('1')]))).toEqual([changed])
      expect(await tx((t) => t.copiesByItem(ALICE, [itemId('item-1')]))).toEqual([])
      expect(await tx((t) => t.copiesByUid(['uid-1']))).toEqual([])
    })

    it('a link ends with its last copy', async () => {
      const [one, two] = [aCopy('1'), aCopy('2', { mailbox: BOB }, aCopy('1').link)]
      await tx((t) => t.saveCopies([one, two]))
      expect(copies(await tx((t) => t.copiesByRecord([itemId('record-1')])))).toEqual(['1', '2'])
      const linked = await tx((t) => t.copiesByRecord([itemId('record-1')]))
      expect(await tx((t) => t.linksByRecord([itemId('record-1'), itemId('record-1'), itemId('nowhere')]))).toEqual([{ link: linked[0]?.link, mailboxes: linked.map(({ copy }) => copy.mailbox).sort() }])
      await tx((t) => t.removeCopies([copyId('1')]))
      expect(await tx((t) => t.copiesByRecord([itemId('record-1')]))).toEqual([two])
      await tx((t) => t.removeCopies([copyId('2'), copyId('unknown')]))
      await tx((t) => t.saveCopies([aCopy('3', {}, { uid: 'uid-1' })]))
      expect(copies(await tx((t) => t.copiesByUid(['uid-1'])))).toEqual(['3'])
    })

    it('a record that two mailboxes link at the same moment has one link, that of whoever was first', async () => {
      const group = { record: itemId('group-record'), uid: 'group-uid' }
      const [one, two] = [aCopy('1', {}, group), aCopy('2', { mailbox: BOB }, group)]
      await Promise.all([tx((t) => t.saveCopies([one])), tx((t) => t.saveCopies([two]))])
      const found = () => tx(async (t) => [await t.copiesByRecord([group.record, group.record]), await t.copiesByUid([group.uid])])
      const [both = []] = await found()
      expect(await found()).toEqual([both, both])
      expect([copies(both), new Set(both.map(({ link }) => link.id)).size]).toEqual([['1', '2'], 1])
      await tx((t) => t.removeCopies([copyId('1')]))
      expect((await found()).map(copies)).toEqual([['2'], ['2']])
      const joined = aCopy('3', { mailbox: mailboxId('carol') }, group)
      await Promise.all([tx((t) => t.removeCopies([copyId('2')])), tx((t) => t.saveCopies([joined]))])
      expect((await found()).map(copies)).toEqual([['3'], ['3']])
      await tx((t) => t.removeCopies([copyId('3')]))
      expect(await found()).toEqual([[], []])
    })

    it('copies of many records that two mailboxes link in another order stand together, too', async () => {
      const records = Array.from({ length: 40 }, (_, n) => `r${n}`)
      const linked = (mailbox: typeof ALICE, order: readonly string[]) => tx((t) => t.saveCopies(order.map((record) => aCopy(`${mailbox}-${record}`, { mailbox }, { record: itemId(record) }))))
      await Promise.all([linked(ALICE, records), linked(BOB, records.toReversed()), linked(mailboxId('carol'), records)])
      const found = await tx((t) => t.linksByRecord(records.map(itemId)))
      expect(found.map(({ link, mailboxes }) => [link.record, ...mailboxes]).sort()).toEqual(records.map((record) => [record, 'alice', 'bob', 'carol']).sort())
    })

    it('a record made again under another id takes its copies along, and joins whoever linked that id meanwhile', async () => {
      const [one, two] = [aCopy('1'), aCopy('2', { mailbox: BOB }, aCopy('1').link)]
      await tx((t) => t.saveCopies([one, two]))
      const again = { link: { ...one.link, record: itemId('again') }, copy: one.copy }
      await tx((t) => t.saveCopies([again]))
      expect(copies(await tx((t) => t.copiesByRecord([itemId('again')])))).toEqual(['1', '2'])
      const stranger = aCopy('3', { mailbox: mailboxId('carol') }, { record: itemId('once more') })
      await tx((t) => t.saveCopies([stranger]))
      await tx((t) => t.saveCopies([{ link: { ...one.link, record: itemId('once more') }, copy: one.copy }]))
      const found = await tx((t) => t.linksByRecord([itemId('again'), itemId('once more')]))
      expect(found.map(({ link, mailboxes }) => [link.record, link.id, ...mailboxes]).sort()).toEqual([
        ['again', one.link.id, 'bob'], ['once more', stranger.link.id, 'alice', 'carol'],
      ])
    })

    it('another record with the number of a lost one has a link of its own, and those of the lost one go', async () => {
      const [lost, fresh] = [aCopy('1', {}, { bornAt: '2026-01-01' }), aCopy('2', {}, { record: itemId('record-1'), bornAt: '2026-02-02' })]
      await tx((t) => t.saveCopies([lost]))
      await tx((t) => t.saveCopies([fresh, aCopy('3', { mailbox: BOB }, { record: itemId('record-1'), bornAt: '2026-02-02' })]))
      const linked = await tx((t) => t.copiesByRecord([itemId('record-1')]))
      expect(linked.map(({ copy, link }) => [copy.id, link.id, link.bornAt])).toEqual([
        ['2', fresh.link.id, '2026-02-02'], ['3', fresh.link.id, '2026-02-02'],
      ])
      expect(await tx((t) => t.copiesById([copyId('1')]))).toEqual([])
    })

    it('when a record was born may become known later', async () => {
      await tx((t) => t.saveCopies([aCopy('1')]))
      await tx((t) => t.saveCopies([aCopy('1', {}, { bornAt: '2026-01-01' })]))
      await tx((t) => t.saveCopies([aCopy('2', { mailbox: BOB }, { record: itemId('record-1') })]))
      const linked = await tx((t) => t.copiesByRecord([itemId('record-1')]))
      expect(linked.map(({ copy, link }) => [copy.id, link.id, link.bornAt])).toEqual([['1', aCopy('1').link.id, '2026-01-01'], ['2', aCopy('1').link.id, '2026-01-01']])
    })

    it('the UID of a record is what it was linked with, whoever joins it', async () => {
      await tx((t) => t.saveCopies([aCopy('1', {}, { uid: 'first' })]))
      const [linked] = await tx((t) => t.copiesById([copyId('1')]))
      await tx((t) => t.saveCopies([aCopy('1', {}, { uid: 'other' }), aCopy('2', { mailbox: BOB }, { record: itemId('record-1'), uid: 'its own' })]))
      expect((await tx((t) => t.copiesByRecord([itemId('record-1')]))).map(({ link }) => link)).toEqual([linked?.link, linked?.link])
    })

    it('copies of a mailbox are walked page by page, per kind', async () => {
      const task = aCopy('9', {}, { kind: 'task' })
      await tx((t) => t.saveCopies([aCopy('3'), aCopy('1'), aCopy('2'), aCopy('4', { mailbox: BOB }), task]))
      const page = (after: string | null) => tx((t) => t.copiesOf(ALICE, 'event', after === null ? null : copyId(after), 2))
      expect([copies(await page(null)), copies(await page('2')), copies(await page('3'))]).toEqual([['1', '2'], ['3'], []])
      expect(await tx((t) => t.countCopies(ALICE))).toBe(4)
    })

    it('unmarked copies are those that we write and that lack the stamp or the reference', async () => {
      await tx((t) => t.saveCopies([
        aCopy('1'), aCopy('2', { stamped: false }), aCopy('3', { referenced: false }), aCopy('4', { role: 'shadow', stamped: false }),
      ]))
      expect(copies(await tx((t) => t.copiesUnmarked(ALICE, 10)))).toEqual(['2', '3'])
      expect(copies(await tx((t) => t.copiesUnmarked(ALICE, 1)))).toEqual(['2'])
    })

    it('a silent mark is noted with its change key, but not on a copy that moved on meanwhile', async () => {
      await tx((t) => t.saveCopies([aCopy('1', { stamped: false }), aCopy('2', { stamped: false, referenced: false })]))
      const [one] = await tx((t) => t.copiesById([copyId('1')]))
      const expected = one?.copy.exchange.changeKey ?? changeKey('')
      await tx((t) => t.markCopies('exchange', [
        { id: copyId('1'), expect: expected, changeKey: changeKey('marked') },
        { id: copyId('2'), expect: changeKey('older'), changeKey: changeKey('marked') },
      ]))
      const [marked, other] = await tx((t) => t.copiesById([copyId('1'), copyId('2')]))
      expect([marked?.copy.stamped, marked?.copy.exchange.changeKey]).toEqual([true, 'marked'])
      expect([other?.copy.stamped, other?.copy.referenced]).toEqual([false, false])
      await tx((t) => t.markCopies('crm', [{ id: copyId('2'), expect: other?.copy.crm.changeKey ?? changeKey(''), changeKey: changeKey('told') }]))
      const [told] = await tx((t) => t.copiesById([copyId('2')]))
      expect([told?.copy.referenced, told?.copy.crm.changeKey, told?.copy.stamped]).toEqual([true, 'told', false])
    })

    it('a tombstone is found by item and by record, in its mailbox, until it is removed', async () => {
      await tx((t) => t.putTombstones([aTombstone('r1', 'i1'), aTombstone('r2', 'i2'), aTombstone('r1', 'i1', { mailbox: BOB })]))
      await tx((t) => t.putTombstones([aTombstone('r1', 'i1', { reason: 'unlinked', at: at(5) })]))
      const find = (...wanted: string[]) => tx((t) => t.tombstones(ALICE, wanted.map(itemId)))
      expect(await find('i1')).toEqual([aTombstone('r1', 'i1', { reason: 'unlinked', at: at(5) })])
      expect((await find('r2', 'i1')).map((row) => row.record)).toEqual(['r2', 'r1'])
      await tx((t) => t.removeTombstones(ALICE, [itemId('r1'), itemId('i2')]))
      expect(await find('i1', 'i2')).toEqual([])
      expect(await tx((t) => t.tombstones(BOB, [itemId('i1')]))).toHaveLength(1)
    })
  })

  describe(`${name}: several tombstones of one record`, () => {
    const { tx } = use(makeStore)

    it('are told in the order in which they came, whatever the items are called', async () => {
      for (const [item, minute] of [['i5', 1], ['i9', 2], ['i1', 3]] as const) await tx((t) => t.putTombstones([aTombstone('r1', item, { at: at(minute) })]))
      expect((await tx((t) => t.tombstones(ALICE, [itemId('r1')]))).map((row) => row.item)).toEqual(['i5', 'i9', 'i1'])
    })
  })

  describe(`${name}: skips, journal and decisions`, () => {
    const { tx } = use(makeStore)

    it('skips are counted, replaced, dropped, and come back when the item enters the window', async () => {
      await tx((t) => t.putSkips([aSkip('never'), aSkip('soon', { enterAt: at(5) }), aSkip('later', { enterAt: at(9) }), aSkip('bob', { lane: BOB, at: at(3) })]))
      await tx((t) => t.putSkips([aSkip('never', { reason: 'private', uid: 'U', at: at(1) })]))
      expect(ids(await tx((t) => t.skipsDue(ALICE, at(5), 10)))).toEqual(['soon'])
      expect(ids(await tx((t) => t.skipsDue(ALICE, at(30), 10)))).toEqual(['soon', 'later'])
      expect(ids(await tx((t) => t.skips(null, 10)))).toEqual(['bob', 'never', 'later', 'soon'])
      expect(await tx((t) => t.skips(ALICE, 1))).toEqual([aSkip('never', { reason: 'private', uid: 'U', at: at(1) })])
      await tx((t) => t.dropSkips(ALICE, 'exchange', [itemId('never'), itemId('bob')]))
      expect(await tx(async (t) => [await t.countSkips(ALICE), await t.countSkips(BOB)])).toEqual([2, 1])
    })

    it('an operation is open until it is settled', async () => {
      const intent = { item: anEvent('a'), uid: 'U', from: aSnapshot('src') }
      const create = anOperation('1', { type: 'create', item: null, expect: null, before: null, intent })
      await tx((t) => t.openOperations([create, anOperation('2'), anOperation('3', { lane: BOB })]))
      expect(await tx((t) => t.unsettled(ALICE))).toEqual([create, anOperation('2')])
      expect([await tx((t) => t.lanesCreating(create.side)), await tx((t) => t.lanesCreating(create.side === 'crm' ? 'exchange' : 'crm'))]).toEqual([[ALICE], []])
      await tx((t) => t.settleOperations([{ id: operationId('1'), item: itemId('new'), state: 'done', outcome: 'made' }]))
      expect(ids(await tx((t) => t.unsettled(ALICE)))).toEqual(['2'])
      expect(await tx((t) => t.lanesCreating(create.side))).toEqual([])
      const settled = await tx((t) => t.journal({ id: operationId('1'), limit: 1 }))
      expect(settled).toEqual([{ ...create, item: 'new', state: 'done', outcome: 'made' }])
    })

    it('an operation remembers whom it did not tell, until the words of its item become private', async () => {
      const untold = [{ address: 'guest@elsewhere.test', name: 'Guest' }]
      await tx((t) => t.openOperations([anOperation('1', { untold }), anOperation('2')]))
      expect(await tx((t) => t.unsettled(ALICE))).toEqual([anOperation('1', { untold }), anOperation('2')])
      await tx((t) => t.settleOperations([{ id: operationId('1'), item: itemId('record'), state: 'done', outcome: 'done' }]))
      const first = () => tx((t) => t.journal({ id: operationId('1'), limit: 1 }))
      expect(await first()).toEqual([anOperation('1', { untold, state: 'done', outcome: 'done' })])
      await tx((t) => t.forgetValues([anOperation('1').copy]))
      expect(await first()).toEqual([anOperation('1', { state: 'done', outcome: 'done', before: null, after: null })])
    })

    it('the journal of an item tells what happened to it and to its counterpart, newest first', async () => {
      const intent = { item: anEvent('a'), uid: null, from: aSnapshot('item-1') }
      await tx(async (t) => {
        await t.openOperations([anOperation('make', { type: 'create', copy: copyId('1'), item: null, intent })])
        await t.settleOperations([{ id: operationId('make'), item: itemId('record-1'), state: 'done', outcome: null }])
        await t.openOperations([
          anOperation('edit', { copy: copyId('1'), side: 'exchange', item: itemId('item-1') }),
          anOperation('other', { copy: copyId('2'), item: itemId('record-2') }),
          anOperation('bob', { lane: BOB, copy: copyId('3'), item: itemId('record-3') }),
        ])
        await t.saveCopies([aCopy('3', { mailbox: BOB })])
      })
      const of = async (query: { item?: string; lane?: typeof ALICE }, limit = 10) => ids(await tx((t) => t.journal({ ...query, limit })))
      expect(await of({ item: 'record-1' })).toEqual(['edit', 'make'])
      expect(await of({ item: 'item-1' })).toEqual(['edit', 'make'])
      expect(await of({ item: 'item-3' })).toEqual(['bob'])
      expect(await of({ lane: ALICE })).toEqual(['other', 'edit', 'make'])
      expect(await of({}, 2)).toEqual(['bob', 'other'])
    })

    it('recent writes are the contents written to a copy, oldest first, without stamps, failures and old ones', async () => {
      const write = (id: string, subject: string, more: object = {}) => anOperation(id, { copy: copyId('1'), after: { subject, body: 'x' }, ...more })
      await tx((t) => t.openOperations([
        write('old', 'o', { at: at(1) }), write('1', 'a', { at: at(5), state: 'done' }), write('2', 'b', { at: at(6) }),
        write('3', 'c', { at: at(6), state: 'failed' }), write('4', 'd', { at: at(6), type: 'stamp' }),
        write('5', 'a', { at: at(7), after: { body: 'x', subject: 'a' }, type: 'create' }), write('6', 'e', { copy: copyId('2'), at: at(7) }),
      ]))
      const hash = (subject: string) => contentHash({ subject, body: 'x' })
      const writes = await tx((t) => t.recentWrites([copyId('1'), copyId('9')], at(5)))
      expect(writes).toEqual(new Map([[copyId('1'), [hash('a'), hash('b'), hash('a')]]]))
    })

    it('the same open conflict is noted once, and again when a value is another', async () => {
      const nested = { allDay: true, firstDay: '2026-12-01', lastDay: '2026-12-02' } as never
      await tx((t) => t.putConflicts([aConflict('1'), aConflict('2', { at: at(5) })]))
      await tx((t) => t.putConflicts([
        aConflict('3'), aConflict('4', { crm: 'd' }), aConflict('5', { crm: null }), aConflict('6', { crm: undefined }),
        aConflict('7', { field: 'time', base: nested }), aConflict('8', { winner: 'crm', state: 'closed' }), aConflict('9', { copy: copyId('other') }),
      ]))
      const open = await tx((t) => t.conflicts({ states: ['open'] }))
      expect(ids(open)).toEqual(['9', '7', '6', '5', '4', '1'])
      expect(open[1]).toEqual(aConflict('7', { field: 'time', base: nested }))
      expect([open[2]?.crm, open[3]?.crm]).toEqual([undefined, null])
      expect(ids(await tx((t) => t.conflicts({ copies: [copyId('other')] })))).toEqual(['9'])
      expect(ids(await tx((t) => t.conflicts({ lane: BOB })))).toEqual([])
      expect(ids(await tx((t) => t.conflicts({})))).toHaveLength(7)
    })

    it('a decided conflict waits to be carried out, and can come up again once it is closed', async () => {
      await tx((t) => t.putConflicts([aConflict('1')]))
      await tx((t) => t.decideConflict('1', 'exchange'))
      expect(await tx((t) => t.conflicts({ id: '1' }))).toEqual([aConflict('1', { winner: 'exchange', state: 'decided' })])
      await tx((t) => t.closeConflicts(['1', 'unknown']))
      expect(await tx((t) => t.conflicts({ states: ['open', 'decided'] }))).toEqual([])
      await tx((t) => t.putConflicts([aConflict('2')]))
      expect(ids(await tx((t) => t.conflicts({ states: ['open'] })))).toEqual(['2'])
    })

    it('a decision about an item waits once, and can be asked again when it was made', async () => {
      await tx((t) => t.putHeld([aHeld('1'), aHeld('2', { reason: 'again' }), aHeld('3', { side: 'crm' })]))
      await tx((t) => t.putHeld([aHeld('4'), aHeld('5', { lane: BOB, copy: copyId('c') })]))
      expect(ids(await tx((t) => t.held({ open: true })))).toEqual(['1', '3', '5'])
      await tx((t) => t.decideHeld('1', 'restore'))
      expect(await tx((t) => t.held({ open: false, lane: ALICE }))).toEqual([aHeld('1', { decision: 'restore' })])
      await tx((t) => t.putHeld([aHeld('6')]))
      await tx((t) => t.removeHeld(['1', '3']))
      expect(ids(await tx((t) => t.held({})))).toEqual(['5', '6'])
      expect(await tx((t) => t.held({ id: '5' }))).toEqual([aHeld('5', { lane: BOB, copy: copyId('c') })])
    })

    it('a meeting belongs to the lane that claims it first, for ten minutes since its last claim', async () => {
      const claim = (lane: typeof ALICE, minute: number, uid = 'U') => tx((t) => t.claim(uid, lane, at(minute)))
      expect(await claim(ALICE, 0)).toBe(ALICE)
      expect(await claim(BOB, 5)).toBe(ALICE)
      expect(await claim(BOB, 5, 'u')).toBe(BOB)
      expect(await claim(ALICE, 6)).toBe(ALICE)
      expect(await claim(BOB, 15)).toBe(ALICE)
      expect(await claim(BOB, 16)).toBe(BOB)
      expect(await claim(ALICE, 17)).toBe(BOB)
    })
  })

  describe(`${name}: series`, () => {
    const { tx } = use(makeStore)
    const masters = (rows: readonly { readonly master: string }[]) => rows.map((row) => row.master)

    it('masters are found by mailbox, by id in their own case and by UID everywhere', async () => {
      await tx((t) => t.saveSeries([aSeries('A'), aSeries('a', { uid: 'uid-A' }), aSeries('A', { lane: BOB })]))
      expect(await tx((t) => t.series(ALICE))).toEqual([aSeries('A'), aSeries('a', { uid: 'uid-A' })])
      expect(masters(await tx((t) => t.series(ALICE, [itemId('a'), itemId('none')])))).toEqual(['a'])
      expect(await tx((t) => t.series(ALICE, []))).toEqual([])
      expect((await tx((t) => t.seriesByUid('uid-A'))).map(({ lane, master }) => `${lane}/${master}`)).toEqual(['alice/A', 'alice/a', 'bob/A'])
      await tx((t) => t.saveSeries([aSeries('A', { slots: [], fromCrm: true })]))
      expect((await tx((t) => t.series(ALICE, [itemId('A')])))[0]).toEqual(aSeries('A', { slots: [], fromCrm: true }))
      await tx((t) => t.removeSeries(ALICE, [itemId('A')]))
      expect(masters(await tx((t) => t.series(ALICE)))).toEqual(['a'])
      expect(masters(await tx((t) => t.series(BOB)))).toEqual(['A'])
    })

    it('a master is due at its time, or at once when a hint names it or one of its occurrences', async () => {
      await tx((t) => t.saveSeries([aSeries('A'), aSeries('B', { dueAt: at(20) }), aSeries('C', { dueAt: at(5) })]))
      expect(masters(await tx((t) => t.seriesDue(ALICE, at(10), 9)))).toEqual(['C', 'A'])
      expect(masters(await tx((t) => t.seriesDue(ALICE, at(10), 1)))).toEqual(['C'])
      await tx((t) => t.recheckSeries(ALICE, [itemId('occ:7:B'), itemId('C'), itemId('stranger')], at(6)))
      const due = await tx((t) => t.seriesDue(ALICE, at(6), 9))
      expect(due.map(({ master, dueAt }) => [master, dueAt])).toEqual([['C', at(5)], ['B', at(6)]])
      expect(due.every(({ readAt }) => readAt < at(0))).toBe(true)
    })

    it('a lane with a master that is due has something to do', async () => {
      await tx(async (t) => {
        await t.saveLane(aLane(ALICE, { mailbox: { id: ALICE, address: 'alice@example.test', user: 'alice', userId: assigneeId('19x5'), connection: 'onprem', zone: 'Europe/Rome' } }))
        await t.saveChannel({ lane: ALICE, kind: 'event', syncState: null, complete: true, dirtyAt: null, pulledAt: at(0), resyncSince: null })
        await t.saveSeries([aSeries('A')])
      })
      expect(await tx((t) => t.lanesDue(at(9), at(0)))).toEqual([])
      expect(await tx((t) => t.lanesDue(at(10), at(0)))).toEqual([ALICE])
    })
  })
}

function use(makeStore: () => Promise<Store>) {
  let store: Store
  beforeEach(async () => {
    store = await makeStore()
  })
  return { store: () => store, tx: <T>(work: (tx: Tx) => Promise<T>) => store.transaction(work) }
}

function ref(row: InboxRow | undefined) {
  if (!row) throw new Error('The row is missing.')
  const { lane, side, id, version } = row
  return { lane, side, id, version }
}
