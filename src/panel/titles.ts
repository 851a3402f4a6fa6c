import { mask } from '../sync/index.ts'
import type { Connector } from '../main.ts'
import { itemId } from '../model/index.ts'
import type { Item, Mailbox } from '../model/index.ts'
import type { Replica } from '../ports.ts'
import type { SkippedItem } from '../store/index.ts'

/** A page waits no longer than this for names: without them it is still a page. */
const PATIENCE_MS = 3000

/**
 * What the items are called that were left alone. We keep nothing of them, so their server is asked; private ones stay
 * without words, and what cannot be read now has no name.
 */
export async function titlesOf(connector: Connector, rows: readonly SkippedItem[]): Promise<ReadonlyMap<string, string>> {
  const titles = new Map<string, string>()
  const mailboxes = connector.directory().mailboxes
  const asked = [...Map.groupBy(rows, (row) => `${row.lane}/${row.side}/${row.kind}`).values()].map(async (group) => {
    const [first] = group
    const mailbox = mailboxes.find(({ id }) => id === first?.lane)
    if (first === undefined || mailbox === undefined) return
    const replica: Replica = first.side === 'crm' ? connector.crm : exchangeOf(connector, mailbox)
    const found = await replica.get(first.kind, group.map(({ id }) => itemId(id)))
    for (const [at, one] of found.entries()) {
      const row = group[at]
      if (one.type === 'seen' && row !== undefined) titles.set(keyOf(row), titleOf(mask(one.snapshot, null, connector.policyFor(mailbox.id)).item))
    }
  })
  const late = new Promise<void>((resolve) => setTimeout(resolve, PATIENCE_MS).unref())
  await Promise.race([Promise.allSettled(asked), late])
  return titles
}

export const keyOf = ({ lane, side, id }: Pick<SkippedItem, 'lane' | 'side' | 'id'>): string => `${lane}/${side}/${id}`

const exchangeOf = (connector: Connector, mailbox: Mailbox) => connector.engine({}).exchangeOf(mailbox)

function titleOf(item: Item): string {
  return item.kind === 'contact' ? `${item.fields.firstName ?? ''} ${item.fields.lastName ?? ''}`.trim() : (item.fields.subject ?? '')
}
