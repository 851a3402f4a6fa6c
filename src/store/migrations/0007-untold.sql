-- Attendees whom a write would have told by mail, had the policy allowed it, until somebody has seen to it.
alter table connector.operations add column untold jsonb, add column dismissed boolean not null default false;
create index operations_untold on connector.operations (lane, seq) where untold is not null and not dismissed;
