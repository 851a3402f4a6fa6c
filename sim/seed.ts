import type { EwsSim } from './ews/index.ts'
import type { GraphSim } from './graph/index.ts'
import type { VtenextSim } from './vtenext/index.ts'

const DAY = 86_400_000
const HOUR = 3_600_000

/** A day some days from now as YYYY-MM-DD. */
function day(now: number, days: number): string {
  return new Date(now + days * DAY).toISOString().slice(0, 10)
}

interface Meeting {
  who: string
  subject: string
  days: number
  from: string
  to: string
  place: string
}

const IN_OUTLOOK: Meeting[] = [
  { who: 'alice', subject: 'Weekly sales review', days: 1, from: '09:30', to: '10:30', place: 'Room 2' },
  { who: 'alice', subject: 'Dentist', days: 3, from: '17:00', to: '18:00', place: '' },
  { who: 'bob', subject: 'Truck to the garage', days: 2, from: '08:00', to: '08:30', place: 'Via Emilia 12' },
]

const IN_CRM: Meeting[] = [
  { who: 'alice', subject: 'Visit to Rossi Srl', days: 2, from: '11:00', to: '12:00', place: 'Milano' },
  { who: 'bob', subject: 'Contract talk with Weber GmbH', days: 4, from: '14:00', to: '15:30', place: 'Bolzano' },
  { who: 'carol', subject: 'Training for new users', days: 5, from: '10:00', to: '12:00', place: 'Online' },
]

const PEOPLE: [string, string, string, string, string][] = [
  ['alice', 'Giulia', 'Rossi', 'giulia.rossi@rossi.example', '+39 02 5550101'],
  ['alice', 'Marco', 'Bianchi', 'marco.bianchi@rossi.example', '+39 02 5550102'],
  ['bob', 'Anna', 'Weber', 'anna.weber@weber.example', '+39 0471 555010'],
  ['bob', 'Jürgen', 'Müller', 'juergen.mueller@weber.example', '+49 89 5550103'],
  ['carol', 'Zoë', 'O’Neill', 'zoe.oneill@northwind.example', '+353 1 5550104'],
]

/** A handful of appointments and tasks in Outlook, times relative to the clock. */
export function seedExchange(ews: EwsSim): void {
  const now = ews.clock.now()
  for (const { who, subject, days, from, to, place } of IN_OUTLOOK) {
    ews.putItem(`${who}@example.test`, 'calendar', {
      Subject: subject,
      Location: place,
      Start: `${day(now, days)}T${from}:00`,
      End: `${day(now, days)}T${to}:00`,
    })
  }
  ews.putItem('alice@example.test', 'tasks', { Subject: 'Send the price list', DueDate: day(now, 2) })
  ews.putItem('carol@example.test', 'tasks', {
    Subject: 'Order name badges',
    DueDate: day(now, 6),
    Status: 'InProgress',
    PercentComplete: 50,
  })
}

/** The same handful in the mailboxes of Microsoft 365: somebody who moves there takes his calendar along. */
export function seedCloud(graph: GraphSim): void {
  const now = graph.clock.now()
  for (const { who, subject, days, from, to, place } of IN_OUTLOOK) {
    graph.putItem(`${who}@example.test`, 'calendar', {
      subject,
      location: place,
      start: `${day(now, days)}T${from}:00`,
      end: `${day(now, days)}T${to}:00`,
    })
  }
  graph.putItem('alice@example.test', 'tasks', { title: 'Send the price list', dueDateTime: `${day(now, 2)}T00:00:00` })
  graph.putItem('carol@example.test', 'tasks', {
    title: 'Order name badges',
    dueDateTime: `${day(now, 6)}T00:00:00`,
    status: 'inProgress',
  })
}

/** A handful of events, tasks and contacts made in the CRM's browser, times relative to the clock. */
export function seedCrm(vtenext: VtenextSim): void {
  const now = vtenext.clock.now()
  for (const { who, subject, days, from, to, place } of IN_CRM) {
    vtenext.put(
      'Events',
      {
        subject,
        location: place,
        date_start: day(now, days),
        time_start: from,
        due_date: day(now, days),
        time_end: to,
      },
      { as: who },
    )
  }
  vtenext.put(
    'Calendar',
    { subject: 'Call Weber GmbH back', date_start: day(now, 1), due_date: day(now, 1) },
    { as: 'bob' },
  )
  vtenext.put(
    'Calendar',
    { subject: 'Prepare the offer for Rossi', date_start: day(now, 1), due_date: day(now, 3) },
    { as: 'alice' },
  )
  for (const [who, firstname, lastname, email, phone] of PEOPLE)
    vtenext.put('Contacts', { firstname, lastname, email, phone }, { as: who })
}

/** The same number of single events in every given mailbox, spread evenly over the 200 days from tomorrow on. */
export function seedLoad(server: EwsSim | GraphSim, addresses: string[], items: number): void {
  const first = Math.ceil(server.clock.now() / DAY) * DAY
  const everyMs = Math.floor((200 * DAY) / items / 60_000) * 60_000
  for (const address of addresses) {
    for (let n = 0; n < items; n++) {
      const start = new Date(first + n * everyMs).toISOString()
      const end = new Date(first + n * everyMs + HOUR / 2).toISOString()
      const subject = `Appointment ${n + 1}`
      server.putItem(address, 'calendar', 'login' in server ? { subject, start, end } : { Subject: subject, Start: start, End: end })
    }
  }
}
