import { day } from './installation.ts'
import type { CrmRecord, Simulators } from './simulators.ts'

/** An event of one hour in Outlook, some days from now. */
export const meeting = (Subject: string, fields: object = {}) =>
  ({ Subject, Start: `${day(3)}T09:00:00Z`, End: `${day(3)}T10:00:00Z`, ...fields })

/** An event of one hour in the CRM, some days from now. */
export const visit = (subject: string, fields: object = {}) =>
  ({ subject, date_start: day(4), time_start: '14:00', due_date: day(4), time_end: '15:00', ...fields })

/** Name of the text field with the label "Exchange ID", as the CRM itself describes it. */
export async function referenceField(simulators: Simulators, module: string): Promise<string> {
  const admin = await simulators.crmClient('admin')
  const described = await admin.result('GET', 'describe', { elementType: module })
  return described.fields.find(({ label }: { label: string }) => label === 'Exchange ID').name
}

export const subjectsOf = (records: readonly CrmRecord[]) => records.map((record) => record['subject'] ?? '').toSorted()
