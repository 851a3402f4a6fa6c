import { REAL_MEETINGS } from './support/firewall-exchange.ts'
import { ANSWERS, CONTACTS, UPDATES } from './support/firewall-loud.ts'
import { MEETINGS } from './support/firewall-meetings.ts'
import { SERIES } from './support/firewall-series.ts'
import { SERVED, SERVED_LOUD } from './support/firewall-served.ts'
import { INVITING, LOUD, playAll } from './support/firewall-stages.ts'
import { VISITS } from './support/firewall-visits.ts'

playAll([
  { title: 'with the policies that mail where people ask for it', policy: { ...LOUD, inviteContacts: true, foreignDeletion: 'hide' }, scenarios: [...UPDATES, ...ANSWERS, ...CONTACTS] },
  { title: 'with the policy that Exchange invites', policy: INVITING, scenarios: REAL_MEETINGS },
  { title: 'that keeps running, with the policies as they come', policy: {}, service: true, scenarios: SERVED },
  { title: 'that keeps running, with every policy that mails', policy: { ...LOUD, meetings: 'exchange' }, service: true, scenarios: SERVED_LOUD },
  { title: 'with the policies as they come', policy: {}, moves: 60, scenarios: [...MEETINGS, ...VISITS, ...SERIES] },
])
