import type { ConnectionConfig } from '../config.ts'
import type { Connector } from '../main.ts'
import { assigneeId } from '../model/index.ts'
import type { CrmUser, Mailbox } from '../model/index.ts'

export interface Step {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
  readonly cure: string
}

/** The mailbox of an address, connected or not yet. */
export function mailboxFor(connector: Connector, connection: string, address: string, user?: Pick<CrmUser, 'id' | 'name' | 'zone'>): Mailbox {
  const lower = address.toLowerCase()
  const known = connector.directory().mailboxes.find((mailbox) => mailbox.address === lower && mailbox.connection === connection)
  return known ?? { id: connector.laneOf(lower), address: lower, user: user?.name ?? '', userId: user?.id ?? assigneeId(''), connection, zone: user?.zone ?? 'UTC' }
}

/**
 * Looks step by step whether a mailbox opens, wherever it is. What is only to be thought about does not fail.
 * @param beforeSignIn whether it is the connection that is tried out, and its users may sign in at Microsoft later
 */
export async function checkMailbox(
  connector: Connector, { kind, name }: Pick<ConnectionConfig, 'kind' | 'name'>, mailbox: Mailbox, own?: { username: string; password: string }, beforeSignIn = false,
): Promise<Step[]> {
  const checks = kind === 'graph' ? await checkCloud(connector.graph(name), mailbox, beforeSignIn) : await connector.connection(name).check(mailbox.address, own)
  return checks.map((check) => ({ name: check.name, ok: check.ok || 'warning' in check, detail: check.detail, cure: check.cure }))
}

async function checkCloud(graph: ReturnType<Connector['graph']>, mailbox: Mailbox, beforeSignIn: boolean) {
  if (graph === undefined) return []
  const isNew = beforeSignIn && graph.signIn !== undefined && (await graph.signIn.state(mailbox.id)).type === 'never'
  return [...(isNew ? [await graph.checkService()] : await graph.check(mailbox)), ...(beforeSignIn ? graph.checkSecret() : [])]
}

/** Whether an account of the company opens every mailbox of a connection. */
export const isShared = (connection: ConnectionConfig): boolean =>
  connection.kind === 'graph' ? connection.access === 'application' : connection.impersonation || connection.delegation === true
