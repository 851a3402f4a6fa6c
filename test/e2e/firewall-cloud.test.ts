import { REAL_MEETINGS } from './support/firewall-exchange.ts'
import { INVITING, playAll } from './support/firewall-stages.ts'
import { VISITS } from './support/firewall-visits.ts'
import { HOUSES } from './support/houses.ts'

/** Played with what only the simulated server of the company can do: people elsewhere who invite, an organizer who deletes without a word. */
const ON_THE_OWN_SERVER = /somebody else|deleted in Outlook and edited|record of a meeting with a contact is deleted/

playAll([
  { title: 'whose mailboxes are in Microsoft 365', policy: {}, house: HOUSES[1], scenarios: VISITS },
  { title: 'whose mailboxes are in Microsoft 365, with the policy that Exchange invites', policy: INVITING, house: HOUSES[1], scenarios: REAL_MEETINGS.filter(({ name }) => !ON_THE_OWN_SERVER.test(name)) },
  { title: 'whose mailboxes are here and there', policy: {}, house: HOUSES[2], scenarios: VISITS },
])
