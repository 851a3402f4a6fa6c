import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { SyncError } from '../lib/errors.ts'
import { rows } from './database.ts'
import type { Database } from './database.ts'
import { setupError, toStoreError } from './errors.ts'
import { parseKey } from './key.ts'

const FORMAT = 1
const SALT_BYTES = 16
const IV_BYTES = 12
const TAG_BYTES = 16
/** A known text sealed with the key in use: tells a wrong key before anything is read or written with it. */
const PROBE = 'connector:probe'

/** Credentials at rest, AES-256-GCM. Names are visible in the database, values never. */
export interface Secrets {
  /** @throws SyncError STORE_WRONG_KEY when the secrets were sealed with another key */
  put(name: string, value: string): Promise<void>
  /** @returns null when there is no secret of that name */
  get(name: string): Promise<string | null>
  remove(name: string): Promise<void>
  /** Whether there is a secret of that name; needs no key. */
  has(name: string): Promise<boolean>
  /**
   * Seals everything anew, all or nothing, and goes on with the new key. The caller sees to it that the next start
   * finds the new key (CONNECTOR_KEY or the key file).
   * @param newKey 32 bytes in base64, or a passphrase
   */
  rotate(newKey: string): Promise<void>
}

/** @param readKey called once, when the first secret is needed */
export function openSecrets(db: Database, readKey: () => Promise<Buffer>): Secrets {
  let current: Promise<Buffer> | undefined
  const key = async (): Promise<Buffer> => {
    current ??= readKey().then((bytes) => prove(db, bytes))
    try {
      return await current
    } catch (error) {
      current = undefined
      throw error
    }
  }
  return {
    put: async (name, value) => save(db, name, seal(await key(), name, value)),
    async get(name) {
      const bytes = await key()
      const sealed = await load(db, name)
      return sealed ? unseal(bytes, name, sealed) : null
    },
    async remove(name) {
      await rows(db, sql`delete from connector.secrets where name = ${name}`)
    },
    has: async (name) => (await load(db, name)) !== null,
    async rotate(newKey) {
      const [from, to] = [await key(), await parseKey(newKey)]
      await resealAll(db, from, to)
      current = Promise.resolve(to)
    },
  }
}

async function prove(db: Database, key: Buffer): Promise<Buffer> {
  await rows(db, sql`insert into connector.secrets (name, sealed) values (${PROBE}, ${seal(key, PROBE, PROBE)}) on conflict do nothing`)
  const sealed = await load(db, PROBE)
  if (sealed) unseal(key, PROBE, sealed)
  return key
}

async function resealAll(db: Database, from: Buffer, to: Buffer): Promise<void> {
  try {
    await db.transaction().execute(async (transaction) => {
      const all = await rows(transaction, sql<{ name: string; sealed: Buffer }>`select name, sealed from connector.secrets for update`)
      for (const { name, sealed } of all) await save(transaction, name, seal(to, name, unseal(from, name, sealed)))
    })
  } catch (error) {
    throw toStoreError(error)
  }
}

async function save(db: Database, name: string, sealed: Buffer): Promise<void> {
  await rows(db, sql`
    insert into connector.secrets (name, sealed) values (${name}, ${sealed}) on conflict (name) do update set sealed = excluded.sealed`)
}

async function load(db: Database, name: string): Promise<Buffer | null> {
  const [row] = await rows(db, sql<{ sealed: Buffer }>`select sealed from connector.secrets where name = ${name}`)
  return row?.sealed ?? null
}

/** A key of its own for every sealing, so that no nonce can ever meet itself. */
const deriveKey = (key: Buffer, salt: Buffer) => Buffer.from(hkdfSync('sha256', key, salt, 'exchange-connector secret', 32))

/** The name is bound in: a sealed value copied to another name does not open. */
function seal(key: Buffer, name: string, value: string): Buffer {
  const salt = randomBytes(SALT_BYTES)
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv('aes-256-gcm', deriveKey(key, salt), iv).setAAD(Buffer.from(name))
  const body = Buffer.concat([cipher.update(value, 'utf8'), cipher.final()])
  return Buffer.concat([Buffer.from([FORMAT]), salt, iv, cipher.getAuthTag(), body])
}

function unseal(key: Buffer, name: string, sealed: Buffer): string {
  if (sealed[0] !== FORMAT) throw setupError('STORE_TOO_NEW', `The secret "${name}" was written by a newer version of the connector.`)
  const salt = sealed.subarray(1, 1 + SALT_BYTES)
  const iv = sealed.subarray(1 + SALT_BYTES, 1 + SALT_BYTES + IV_BYTES)
  const body = 1 + SALT_BYTES + IV_BYTES + TAG_BYTES
  try {
    const decipher = createDecipheriv('aes-256-gcm', deriveKey(key, salt), iv).setAAD(Buffer.from(name))
    decipher.setAuthTag(sealed.subarray(body - TAG_BYTES, body))
    return Buffer.concat([decipher.update(sealed.subarray(body)), decipher.final()]).toString('utf8')
  } catch (cause) {
    throw wrongKey(cause)
  }
}

const wrongKey = (cause: unknown) =>
  new SyncError(
    'STORE_WRONG_KEY',
    'The stored credentials were sealed with another key. Set CONNECTOR_KEY (or restore the file "key" in the data folder) to the key they were sealed with.',
    { scope: 'system', remedy: 'ask-human', cause },
  )
