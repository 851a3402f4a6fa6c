-- When a mailbox was last written to, without a look at the rest of its journal.
create index operations_last on connector.operations (lane, side, seq) where state = 'done' and type in ('create', 'update', 'delete');
-- Whose item it is that somebody asks about.
create index skips_id on connector.skips (id);
create index held_item on connector.held (item) where decision is null;
