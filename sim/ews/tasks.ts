import type { DraftFields } from './calendar.ts'

/**
 * Applies one written task property to the others it is coupled with. Called in the order of the request, so the
 * last one wins.
 * Documentation: https://learn.microsoft.com/exchange/client-developer/web-service-reference/status
 * @param today UTC midnight of the current date.
 */
export function coupleStatus(draft: DraftFields, name: string, today: number): void {
  if (name === 'Status') {
    if (draft['Status'] === 'Completed') complete(draft, today)
    else reopen(draft, draft['Status'] === 'NotStarted' || draft['PercentComplete'] === 100)
  } else if (name === 'PercentComplete') {
    const percent = Number(draft['PercentComplete'] ?? 0)
    if (percent >= 100) {
      draft['Status'] = 'Completed'
      complete(draft, today)
    } else {
      draft['Status'] = percent > 0 ? 'InProgress' : 'NotStarted'
      reopen(draft, false)
    }
  } else if (name === 'CompleteDate') {
    if (draft['CompleteDate'] !== undefined) {
      draft['Status'] = 'Completed'
      draft['PercentComplete'] = 100
    } else if (draft['Status'] === 'Completed') {
      draft['Status'] = 'NotStarted'
      reopen(draft, true)
    }
  }
}

function complete(draft: DraftFields, today: number): void {
  draft['PercentComplete'] = 100
  draft['CompleteDate'] ??= today
}

function reopen(draft: DraftFields, fromZero: boolean): void {
  if (fromZero) draft['PercentComplete'] = 0
  delete draft['CompleteDate']
}

export function taskDefaults(draft: DraftFields): void {
  draft['Status'] ??= 'NotStarted'
  draft['PercentComplete'] ??= 0
  draft['ReminderIsSet'] ??= false
}
