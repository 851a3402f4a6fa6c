import { afterEach, describe, expect, it } from 'vitest'
import { mailboxId } from '../../src/model/index.ts'
import type { MailboxId } from '../../src/model/index.ts'
import type { Lanes, LanesServer, Store } from '../../src/ports.ts'
import { ALICE, BOB } from '../support/store-rows.ts'

/** What every implementation of lanes does. @param make a store and the lanes that its transactions wake, both empty */
export function lanesContract(name: string, make: () => Promise<{ store: Store; lanes: Lanes }>): void {
  describe(`${name}: lanes`, () => {
    const servers: LanesServer[] = []
    afterEach(async () => {
      await Promise.all(servers.splice(0).map((server) => server.stop()))
    })
    const serve = async (lanes: Lanes, run: (lane: MailboxId) => Promise<void>, parallel = 4) => {
      const server = await lanes.serve(run, parallel)
      servers.push(server)
      return server
    }

    it('many wake-ups before a run are one run', async () => {
      const { lanes } = await make()
      const runs: string[] = []
      await Promise.all(Array.from({ length: 10 }, () => lanes.wake([ALICE, BOB, ALICE])))
      const server = await serve(lanes, async (lane) => void runs.push(lane))
      await server.idle()
      expect(runs.sort()).toEqual(['alice', 'bob'])
    })

    it('wake-ups during a run leave exactly one more run, after it', async () => {
      const { lanes } = await make()
      const gate = gated()
      let runs = 0
      const server = await serve(lanes, async () => {
        runs += 1
        if (runs === 1) await gate.pass()
      })
      await lanes.wake([ALICE])
      await gate.reached
      await lanes.wake([ALICE])
      await Promise.all([lanes.wake([ALICE]), lanes.wake([ALICE])])
      expect(runs).toBe(1)
      gate.open()
      await server.idle()
      expect(runs).toBe(2)
    })

    it('a lane never runs twice at once, others run beside it up to the limit', async () => {
      const { lanes } = await make()
      const running: string[] = []
      let [runs, most, twice] = [0, 0, false]
      const server = await serve(lanes, async (lane) => {
        twice ||= running.includes(lane)
        running.push(lane)
        most = Math.max(most, running.length)
        runs += 1
        if (runs === 1) await lanes.wake([lane])
        await new Promise((resolve) => setTimeout(resolve, 5))
        running.splice(running.indexOf(lane), 1)
      }, 3)
      await lanes.wake(['a', 'b', 'c', 'd', 'e', 'f', 'g'].map(mailboxId))
      await server.idle()
      expect({ runs, most, twice, running }).toEqual({ runs: 8, most: 3, twice: false, running: [] })
    })

    it('a wake-up in a transaction exists if and only if the transaction commits', async () => {
      const { store, lanes } = await make()
      const seen: (string | null)[] = []
      const server = await serve(lanes, async (lane) => void seen.push(lane, await store.transaction((tx) => tx.setting('change'))))
      await expect(store.transaction(async (tx) => {
        await tx.wake([BOB])
        throw new Error('stop')
      })).rejects.toThrow('stop')
      await server.idle()
      expect(seen).toEqual([])
      await store.transaction(async (tx) => {
        await tx.wake([ALICE])
        await tx.saveSetting('change', 'made')
      })
      await server.idle()
      expect(seen).toEqual(['alice', 'made'])
    })

    it('no change is missed, however wake-ups and runs fall together', async () => {
      const { store, lanes } = await make()
      let read = ''
      const server = await serve(lanes, async () => void (read = (await store.transaction((tx) => tx.setting('n'))) ?? ''))
      for (let n = 1; n <= 40; n += 1) {
        await Promise.all([
          store.transaction(async (tx) => {
            await tx.saveSetting('n', String(n))
            await tx.wake([ALICE])
            await tx.setting('n')
          }),
          lanes.wake([ALICE]),
        ])
        if (n % 4 === 0) {
          await server.idle()
          expect(read).toBe(String(n))
        }
      }
    })

    it('a run that throws does not stop its lane', async () => {
      const { lanes } = await make()
      let runs = 0
      const server = await serve(lanes, async () => {
        runs += 1
        throw new Error('a bug')
      })
      await lanes.wake([ALICE])
      await server.idle()
      await lanes.wake([ALICE])
      await server.idle()
      expect(runs).toBe(2)
    })

    it('stopping waits for what runs and leaves the rest for the next to serve', async () => {
      const { lanes } = await make()
      const gate = gated()
      const runs: string[] = []
      const server = await serve(lanes, async (lane) => {
        await gate.pass()
        runs.push(lane)
      }, 1)
      await lanes.wake([ALICE])
      await gate.reached
      await lanes.wake([BOB])
      const stopped = server.stop().then(() => runs.push('stopped'))
      gate.open()
      await stopped
      expect(runs).toEqual(['alice', 'stopped'])
      const next = await serve(lanes, async (lane) => void runs.push(lane))
      await next.idle()
      expect(runs).toEqual(['alice', 'stopped', 'bob'])
    })
  })
}

/** A place where a run stands until the test lets it go on. */
function gated() {
  let arrive = () => {}
  let open = () => {}
  const reached = new Promise<void>((resolve) => (arrive = resolve))
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { reached, open: () => open(), pass: () => (arrive(), opened) }
}
