import { asSyncError } from '../lib/errors.ts'
import type { Totals } from '../engine/index.ts'

export const EXIT = { done: 0, failed: 1, usage: 2 } as const

/** One line of JSON on standard output. */
export const printJson = (value: unknown): void => {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

export const say = (text: string): void => {
  process.stdout.write(`${text}\n`)
}

/** Columns as wide as their longest entry; the last one is not padded. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)))
  const line = (row: readonly string[]) => row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join('  ')
  return [line(head), ...rows.map(line)].join('\n')
}

/** Says what went wrong and returns the exit code: 2 for wrong use or configuration, 1 for everything else. */
export function explain(thrown: unknown, json: boolean): number {
  const error = asSyncError(thrown)
  if (json) printJson({ ok: false, error: { code: error.code, message: error.message } })
  else process.stderr.write(`${error.message}\n`)
  if (process.env['LOG_LEVEL'] === 'debug' && error.cause instanceof Error) process.stderr.write(`${error.cause.stack ?? ''}\n`)
  return error.code.startsWith('CONFIG_') ? EXIT.usage : EXIT.failed
}

function whose(errors: Totals['errors']): string {
  const items = errors.flatMap(({ item }) => item ?? [])
  const lanes = new Set(errors.map(({ lane }) => lane)).size
  if (items.length > 0) return ` [${items.slice(0, 3).join(', ')}${items.length > 3 ? ` and ${items.length - 3} more` : ''}]`
  return lanes > 1 ? ` (${lanes} mailboxes)` : ''
}

/** The object that `sync --once` and `plan` print. */
export function report(totals: Totals, seconds: number) {
  const { exchange, crm, linked, skipped, conflicts, failed, held, mails, marked, errors, skippedBy } = totals
  const ok = failed === 0
  return { ok, exchange, crm, linked, skipped, conflicts, failed, held, mails, seconds: Math.round(seconds * 1000) / 1000, marked, skippedBy, errors }
}

export function printReport(totals: Totals, seconds: number, planned: boolean): void {
  const { exchange, crm } = totals
  const verb = planned ? 'would be ' : ''
  say(table(
    ['', `${verb}created`, `${verb}updated`, `${verb}deleted`],
    [
      ['Exchange', String(exchange.created), String(exchange.updated), String(exchange.deleted)],
      ['CRM', String(crm.created), String(crm.updated), String(crm.deleted)],
    ],
  ))
  const skips = Object.entries(totals.skippedBy).map(([reason, count]) => `${count} ${reason}`).join(', ')
  say(`linked ${totals.linked}, skipped ${totals.skipped}${skips === '' ? '' : ` (${skips})`}, conflicts ${totals.conflicts}, failed ${totals.failed}, held ${totals.held}, mails ${totals.mails}, ${seconds.toFixed(1)} s`)
  // A server that is down is one trouble, not one for every mailbox on it.
  for (const [message, errors] of Map.groupBy(totals.errors, (error) => error.message)) say(`! ${message}${whose(errors)}`)
  if (totals.held > 0) say('Decisions are waiting: "exchange-connector held" lists them.')
}
