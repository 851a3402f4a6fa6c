/**
 * The secret that travels with a subscription and comes back with its notifications. It names the mailbox and the kind
 * and is signed, so that any process can tell a genuine notification without remembering anything.
 * https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { mailboxId } from '../model/index.ts'
import type { ItemKind, MailboxId } from '../model/index.ts'
import type { Vault } from './tokens.ts'

export interface Sender {
  readonly mailbox: MailboxId
  readonly kind: ItemKind
}

export interface ClientStates {
  /** At most 128 characters, as Graph allows. */
  of(sender: Sender): Promise<string>
  /** Names the key without telling it: subscriptions made with another one send what nobody here believes. */
  keyName(): Promise<string>
  /** @returns null for anything that we did not give away */
  read(clientState: unknown): Promise<Sender | null>
}

export function clientStates(vault: Vault, connection: string): ClientStates {
  const name = `graph-notify:${connection}`
  let key: Promise<string> | undefined

  async function readKey(): Promise<string> {
    const known = await vault.get(name)
    if (known !== null) return known
    await vault.put(name, randomBytes(32).toString('base64url'))
    // Another process may have been first; whoever wrote last counts for all.
    return await vault.get(name) ?? ''
  }
  const signed = async (words: string): Promise<string> => {
    key ??= readKey().catch((error: unknown) => {
      key = undefined
      throw error
    })
    return createHmac('sha256', await key).update(`${connection}\n${words}`).digest('base64url')
  }

  return {
    async of({ mailbox, kind }) {
      const words = `${mailbox}.${kind}`
      return `${words}.${await signed(words)}`
    },
    keyName: async () => (await signed('name of the key')).slice(0, 12),
    async read(clientState) {
      if (typeof clientState !== 'string' || clientState.length > 128) return null
      const [mailbox, kind, signature, ...rest] = clientState.split('.')
      if (!mailbox || !isKind(kind) || signature === undefined || rest.length > 0) return null
      const [given, due] = [Buffer.from(signature), Buffer.from(await signed(`${mailbox}.${kind}`))]
      return given.length === due.length && timingSafeEqual(given, due) ? { mailbox: mailboxId(mailbox), kind } : null
    },
  }
}

const isKind = (text: string | undefined): text is ItemKind => text === 'event' || text === 'task' || text === 'contact'
