import type { Clock } from '../ports.ts'
import type { Sessions } from './session.ts'
import { ask, quoted, writable } from './vtql.ts'

/** The CRM's contacts by e-mail address, asked for in batches and remembered for a short while. */
export interface ContactBook {
  /** Asks for many at once what the other two would ask one by one. */
  prepare(addresses: readonly string[], texts: readonly string[]): Promise<void>
  /** Ids of the contacts with exactly this address (lower case), the oldest first. */
  at(address: string): Promise<readonly string[]>
  /**
   * Ids of all contacts that vtenext would invite for this text: it looks for addresses that contain it.
   * Null when there are too many to tell, or the text cannot be asked for: then it must not be sent.
   */
  hitBy(text: string): Promise<ReadonlySet<string> | null>
}

/** A contact that is missed is named in the text all the same. */
const EXACT_MS = 10 * 60_000
/** A contact that is missed here is invited by mistake. */
const HIT_MS = 60_000
const EXACT_BATCH = 50
const HIT_BATCH = 20
const LIMIT = 1_000
const REMEMBERED = 20_000

interface Row {
  readonly id: string
  readonly email: string
}

export function createContactBook(sessions: Sessions, clock: Clock): ContactBook {
  const exact = new Map<string, { readonly ids: readonly string[]; readonly at: number }>()
  const hits = new Map<string, { readonly ids: ReadonlySet<string> | null; readonly at: number }>()

  async function rowsWhere(where: string): Promise<readonly Row[]> {
    const rows = await ask(sessions, `select id,email from Contacts where ${where} order by id limit ${LIMIT};`)
    return rows.map(({ id, email }) => ({ id, email: (email ?? '').trim().toLowerCase() }))
  }

  async function askExact(addresses: readonly string[]): Promise<void> {
    const missing = stale(exact, addresses, EXACT_MS, clock)
    await sessions.map(batches(missing.filter(writable), EXACT_BATCH), async (batch) => {
      const rows = await rowsWhere(`email in (${batch.map(quoted).join(',')})`)
      const at = clock.elapsedMs()
      for (const address of batch) exact.set(address, { ids: idsOf(rows, (email) => email === address), at })
    })
  }

  async function askHits(texts: readonly string[]): Promise<void> {
    const missing = stale(hits, texts, HIT_MS, clock)
    await sessions.map(batches(missing.filter(writable), HIT_BATCH), async (batch) => {
      const rows = await rowsWhere(batch.map((text) => `email like ${quoted(`%${text}%`)}`).join(' or '))
      const at = clock.elapsedMs()
      for (const text of batch) {
        const pattern = containing(text)
        const ids = new Set(idsOf(rows, (email) => pattern.test(email)))
        hits.set(text, { ids: rows.length >= LIMIT ? null : ids, at })
      }
    })
  }

  return {
    async prepare(addresses, texts) {
      for (const memory of [exact, hits]) if (memory.size > REMEMBERED) memory.clear()
      await Promise.all([askExact(addresses), askHits(texts)])
    },
    async at(address) {
      await askExact([address])
      return exact.get(address)?.ids ?? []
    },
    async hitBy(text) {
      await askHits([text])
      return hits.get(text)?.ids ?? null
    },
  }
}

const idsOf = (rows: readonly Row[], fits: (email: string) => boolean) =>
  rows.filter(({ email }) => fits(email)).map(({ id }) => id)

/** Those not asked for lately, each once. */
function stale(
  memory: ReadonlyMap<string, { readonly at: number }>,
  wanted: readonly string[],
  keepMs: number,
  clock: Clock,
): string[] {
  const now = clock.elapsedMs()
  return [...new Set(wanted)].filter((one) => {
    const held = memory.get(one)
    return held === undefined || now - held.at >= keepMs
  })
}

function batches(all: readonly string[], size: number): string[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, at) => all.slice(at * size, (at + 1) * size))
}

/** SQL's LIKE with its two wildcards: an underscore of an address stands for any character there. */
function containing(text: string): RegExp {
  const escaped = text.toLowerCase().replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return new RegExp(escaped.replaceAll('%', '.*').replaceAll('_', '.'), 's')
}
