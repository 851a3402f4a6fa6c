import type { Simulators } from './simulators.ts'

const OPERATIONS = {
  ews: ['SyncFolderItems', 'GetItem', 'FindItem', 'CreateItem', 'UpdateItem', 'DeleteItem'],
  graph: ['calendarViewDelta', 'getEvent', 'listEvents', 'createEvent', 'updateEvent', 'deleteEvent'],
  vtenext: ['vtesync.get_changes', 'query', 'retrieve', 'create', 'revise', 'delete'],
}
const PEOPLE = ['alice', 'bob', 'carol']

/**
 * Makes some answers of the servers slow, other ones for each mailbox, so that lanes that run side by side meet in another
 * order: SHAKE=<seed> says in which; without it nothing is slow. The same seed is not the same order, only likely to be.
 */
export function shaker(simulators: Simulators): () => Promise<void> {
  const seed = process.env['SHAKE']
  if (seed === undefined) return () => Promise.resolve()
  const random = randomOf(Number(seed))
  const slow = (server: keyof typeof OPERATIONS, operation: string, subject?: string) => simulators.control(`${server}/faults`, {
    operation, ...(subject === undefined ? {} : { subject }), skip: Math.floor(random() * 4), times: 1 + Math.floor(random() * 4),
    effect: { type: 'delay', ms: Math.floor(random() * 250) },
  })
  return async () => {
    for (const server of ['ews', 'graph'] as const) {
      for (const operation of OPERATIONS[server]) for (const who of PEOPLE) if (random() < 0.5) await slow(server, operation, `${who}@example.test`)
    }
    for (const operation of OPERATIONS.vtenext) if (random() < 0.5) await slow('vtenext', operation)
  }
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
