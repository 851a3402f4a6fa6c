import { INVITED, INVITED_RESTORED, REPAIRED, REPAIRS, RESTORATION, RESTORED } from './support/firewall-repair.ts'
import { INVITING, LOUD, playAll } from './support/firewall-stages.ts'

playAll([
  { title: 'while servers lose things, with every policy that could mail', policy: { ...LOUD, deletionLimit: { count: 0, percent: 0 } }, repairs: REPAIRS, scenarios: REPAIRED },
  { title: 'while servers lose things, with the policy that Exchange invites', policy: { ...INVITING, deletionLimit: { count: 0, percent: 0 } }, repairs: REPAIRS, scenarios: INVITED },
  { title: 'when removed records are restored, with every policy that could mail', policy: { ...LOUD, deletionLimit: { count: 0, percent: 0 } }, repairs: RESTORATION, scenarios: RESTORED },
  { title: 'when removed records are restored, with the policy that Exchange invites', policy: { ...INVITING, deletionLimit: { count: 0, percent: 0 } }, repairs: RESTORATION, scenarios: INVITED_RESTORED },
])
