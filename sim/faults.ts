/**
 * Scripted misbehaviour of a simulated server. A server asks `take` once per request, with the operation's
 * protocol name ("CreateItem", "create") and whose request it is (mailbox address or CRM user name).
 */
export type FaultEffect =
  /** Answers with this HTTP status instead of doing the work. */
  | { type: 'status'; status: number; body?: string; headers?: Record<string, string> }
  /** Answers with the protocol's own error (EWS response code or SOAP fault, vtenext error code). */
  | { type: 'error'; code: string; message?: string; backOffMs?: number; status?: number }
  /** Closes the socket; the work is not done. */
  | { type: 'drop-before' }
  /** Does the work, then closes the socket without an answer. */
  | { type: 'drop-after' }
  /** Does the work, then answers with this HTTP status and an empty body. */
  | { type: 'status-after'; status: number }
  /** Does the work, sends half of the answer, then closes the socket. */
  | { type: 'half' }
  /** Waits, then goes on as usual. */
  | { type: 'delay'; ms: number }
  /** Never answers; the socket stays open. */
  | { type: 'stall' }

export interface FaultRule {
  /** Protocol name of the operation; absent means every operation. */
  operation?: string
  /** Mailbox address or CRM user; absent means everybody. */
  subject?: string
  /** How often it strikes; absent means until cleared. */
  times?: number
  /** Lets this many matching requests pass first. */
  skip?: number
  effect: FaultEffect
}

/** What each effect needs besides its type. */
const NEEDED: Readonly<Record<FaultEffect['type'], readonly string[]>> = {
  status: ['status'], error: ['code'], 'drop-before': [], 'drop-after': [], 'status-after': ['status'], half: [], delay: ['ms'], stall: [],
}

export class Faults {
  #rules: { rule: FaultRule; left: number; skip: number }[] = []

  /** @throws Error when the effect is none, with those that there are */
  add(rule: FaultRule): void {
    const effect = rule.effect as object
    const needed = NEEDED[(effect as FaultEffect).type] as readonly string[] | undefined
    if (needed === undefined || needed.some((name) => !(name in effect))) {
      const known = Object.entries(NEEDED).map(([type, names]) => [`{type: '${type}'`, ...names].join(', ') + '}')
      throw new Error(`${JSON.stringify(effect)} is no effect. There are ${known.join(', ')}.`)
    }
    this.#rules.push({ rule, left: rule.times ?? Number.POSITIVE_INFINITY, skip: rule.skip ?? 0 })
  }

  clear(): void {
    this.#rules = []
  }

  take(operation: string, subject: string | null): FaultEffect | null {
    for (const entry of this.#rules) {
      const { rule } = entry
      if (rule.operation !== undefined && rule.operation !== operation) continue
      if (rule.subject !== undefined && rule.subject.toLowerCase() !== subject?.toLowerCase()) continue
      if (entry.skip > 0) {
        entry.skip -= 1
        continue
      }
      if (entry.left <= 0) continue
      entry.left -= 1
      return rule.effect
    }
    return null
  }
}
