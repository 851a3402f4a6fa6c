import { rawRecord, type RawRecord } from './record.ts'
import type { Sessions } from './session.ts'

/** A text for VTQL: a quote is doubled. */
export const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`

/** A backslash cannot be written in VTQL at all. */
export const writable = (text: string) => text !== '' && !text.includes('\\')

/** query (VTQL): https://wiki.vtiger.com/archives/index.php/Webservice_reference_manual#Query */
export async function ask(sessions: Sessions, query: string): Promise<readonly RawRecord[]> {
  const rows = await sessions.call('query', { query })
  return Array.isArray(rows) ? rows.map((row) => rawRecord(row, 'query')) : []
}
