import { randomBytes, scrypt } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { setupError } from './errors.ts'
import { privateFile } from './private-file.ts'

const KEY_BYTES = 32
const derive = promisify<string, string, number, { N: number; r: number; p: number; maxmem: number }, Buffer>(scrypt)

/**
 * The key that seals secrets.
 * @param configured CONNECTOR_KEY: 32 bytes in base64, or a passphrase of at least 12 characters
 * @param dataDir where the key file is kept, and made at first use, when nothing is configured
 */
export async function readKey(configured: string | undefined, dataDir: string): Promise<Buffer> {
  if (configured) return parseKey(configured)
  const path = join(dataDir, 'key')
  await privateFile(path, () => `${randomBytes(KEY_BYTES).toString('base64')}\n`)
  const key = Buffer.from((await readFile(path, 'utf8')).trim(), 'base64')
  if (key.length !== KEY_BYTES) {
    throw setupError('STORE_BAD_KEY', `The key file ${path} is damaged: it must hold 32 bytes in base64. Restore it from a backup.`)
  }
  return key
}

/** @throws SyncError STORE_BAD_KEY when a passphrase is too short */
export async function parseKey(text: string): Promise<Buffer> {
  if (/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) return Buffer.from(text, 'base64')
  if (text.length < 12) {
    throw setupError('STORE_BAD_KEY', 'CONNECTOR_KEY is too short: give 32 bytes in base64, or a passphrase of at least 12 characters.')
  }
  // The salt is fixed because the key must come out the same on every machine of the installation.
  return derive(text, 'exchange-connector', KEY_BYTES, { N: 1 << 15, r: 8, p: 1, maxmem: 64 << 20 })
}
