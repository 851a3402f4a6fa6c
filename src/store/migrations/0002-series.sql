-- Masters of recurring events: what their occurrences are made from when the window moves.
create table connector.series (
  lane text collate "C",
  master text collate "C",
  uid text collate "C",
  snapshot jsonb not null,
  slots jsonb not null,
  due_at text collate "C" not null,
  read_at text collate "C" not null,
  from_crm boolean not null,
  primary key (lane, master)
);
create index series_uid on connector.series (uid) where uid is not null;
create index series_due on connector.series (lane, due_at);
