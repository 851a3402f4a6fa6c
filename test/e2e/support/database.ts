import pg from 'pg'
import type { Installation } from './installation.ts'

/** Everything our database holds, every table of it, as text. */
export async function dump({ databaseUrl }: Installation): Promise<string> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const tables = await client.query<{ name: string }>(`select format('%I.%I', table_schema, table_name) as name from information_schema.tables
      where table_schema not in ('pg_catalog', 'information_schema') and table_type = 'BASE TABLE'`)
    const texts: string[] = []
    for (const { name } of tables.rows) texts.push(...(await client.query<{ text: string }>(`select t::text as text from ${name} t`)).rows.map(({ text }) => text))
    return texts.join('\n')
  } finally {
    await client.end()
  }
}
