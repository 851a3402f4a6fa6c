import { ITEM_KINDS } from '../model/index.ts'
import type { Direction, Policy, Preferences, SkipReason, Snapshot } from '../model/index.ts'

/**
 * What holds for one mailbox: the company's policy, narrowed by what its user chose. A user can switch off and narrow what
 * the company allows, never widen it; how much the CRM learns of his private items is his own affair.
 */
export function narrowed(company: Policy, wishes: Preferences | undefined): Policy {
  if (wishes === undefined) return company
  const direction = { ...company.direction }
  for (const kind of ITEM_KINDS) direction[kind] = both(company.direction[kind], wishes.direction?.[kind] ?? 'both')
  return {
    ...company,
    direction,
    privateItems: wishes.privateItems ?? company.privateItems,
    pastDays: Math.min(company.pastDays, wishes.pastDays ?? company.pastDays),
    futureDays: Math.min(company.futureDays, wishes.futureDays ?? company.futureDays),
    ...(wishes.availabilityOnly === undefined ? {} : { availabilityOnly: wishes.availabilityOnly }),
    ...(wishes.categories === undefined ? {} : { categories: wishes.categories }),
    ...(wishes.since === undefined ? {} : { since: wishes.since }),
  }
}

/** The way that both allow. */
function both(left: Direction, right: Direction): Direction {
  if (left === 'both') return right
  if (right === 'both' || left === right) return left
  return 'off'
}

/** Why an unlinked item is not taken up by choice; null when it is. */
export function isUnwanted(snapshot: Snapshot, policy: Pick<Policy, 'categories' | 'since'>): SkipReason | null {
  if (policy.since !== undefined && snapshot.modifiedAt < policy.since) return 'before-start'
  const { categories } = policy
  const own = snapshot.item.kind === 'contact' ? undefined : snapshot.item.fields.categories
  // A side that knows no categories says nothing about them.
  if (categories === undefined || own === undefined) return null
  const has = (names: readonly string[]) => names.some((name) => own.some((one) => one.toLowerCase() === name.toLowerCase()))
  if (has(categories.except) || (categories.only.length > 0 && !has(categories.only))) return 'category'
  return null
}
