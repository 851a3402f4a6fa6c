-- Ids, change keys and moments compare byte by byte: they are case-sensitive, and moments are fixed-width UTC text.

create table connector.lanes (
  lane text collate "C" primary key,
  mailbox jsonb,
  state text not null,
  error jsonb,
  failures integer not null,
  retry_at text collate "C",
  last_run_at text collate "C"
);

-- Apart from the lane's row: a run's commit locks its fence, and that must not wait for who saves the lane's state.
create table connector.fences (
  lane text collate "C" primary key,
  value bigint not null
);

create table connector.channels (
  lane text collate "C",
  kind text collate "C",
  sync_state text collate "C",
  complete boolean not null,
  dirty_at text collate "C",
  pulled_at text collate "C",
  resync_since text collate "C",
  primary key (lane, kind)
);

create sequence connector.inbox_version;
create table connector.inbox (
  lane text collate "C",
  side text collate "C",
  id text collate "C",
  kind text collate "C" not null,
  sighting jsonb not null,
  due_at text collate "C" not null,
  attempts integer not null,
  error jsonb,
  suspect_since text collate "C",
  version bigint not null default nextval('connector.inbox_version'),
  gone boolean not null,
  -- Digests of lane, side and UID or natural key: found without a look at the rest of a lane, and never too long to index.
  uid_key text collate "C",
  natural_key text collate "C",
  primary key (lane, side, id)
);
create index inbox_due on connector.inbox (lane, side desc, due_at, version);
create index inbox_gone on connector.inbox (lane, version) where gone;
create index inbox_item on connector.inbox (id);
create index inbox_uid on connector.inbox (uid_key) where uid_key is not null;
create index inbox_natural_key on connector.inbox (natural_key) where natural_key is not null;

create table connector.links (
  id text collate "C" primary key,
  kind text collate "C" not null,
  record text collate "C" not null,
  born_at text collate "C",
  uid text collate "C",
  assignee text collate "C"
);
create index links_record on connector.links (record);
create index links_uid on connector.links (uid) where uid is not null;

create table connector.copies (
  id text collate "C" primary key,
  link text collate "C" not null,
  kind text collate "C" not null,
  mailbox text collate "C" not null,
  role text not null,
  item text collate "C" not null,
  item_key text collate "C" not null,
  record text collate "C" not null,
  record_key text collate "C" not null,
  base jsonb not null,
  token text collate "C" not null,
  traits jsonb not null,
  stamped boolean not null,
  referenced boolean not null
);
create index copies_link on connector.copies (link);
create index copies_item on connector.copies (item);
create index copies_record on connector.copies (record);
create index copies_kind on connector.copies (mailbox, kind, id);
create index copies_unmarked on connector.copies (mailbox, id) where role = 'home' and not (stamped and referenced);

create table connector.tombstones (
  mailbox text collate "C",
  record text collate "C",
  item text collate "C",
  kind text collate "C" not null,
  item_key text collate "C" not null,
  record_key text collate "C" not null,
  reason text not null,
  at text collate "C" not null,
  primary key (mailbox, record, item)
);
create index tombstones_item on connector.tombstones (item);
create index tombstones_record on connector.tombstones (record);

create table connector.skips (
  lane text collate "C",
  side text collate "C",
  id text collate "C",
  kind text collate "C" not null,
  reason text not null,
  uid text collate "C",
  enter_at text collate "C",
  at text collate "C" not null,
  primary key (lane, side, id)
);
create index skips_enter on connector.skips (lane, enter_at) where enter_at is not null;
create index skips_at on connector.skips (at desc, lane, side, id);

create table connector.operations (
  id text collate "C" primary key,
  seq bigint generated always as identity,
  lane text collate "C" not null,
  copy text collate "C" not null,
  link text collate "C" not null,
  kind text collate "C" not null,
  side text collate "C" not null,
  type text collate "C" not null,
  item text collate "C",
  expect text collate "C",
  token text collate "C" not null,
  before jsonb,
  after jsonb,
  after_hash text collate "C",
  intent jsonb,
  from_item text collate "C",
  reason text not null,
  at text collate "C" not null,
  state text not null,
  outcome text
);
create index operations_open on connector.operations (lane, seq) where state = 'open';
create index operations_seq on connector.operations (seq);
create index operations_lane on connector.operations (lane, seq);
create index operations_copy on connector.operations (copy, at);
create index operations_item on connector.operations (item) where item is not null;
create index operations_from on connector.operations (from_item) where from_item is not null;

create table connector.conflicts (
  id text collate "C" primary key,
  seq bigint generated always as identity,
  lane text collate "C" not null,
  copy text collate "C" not null,
  kind text collate "C" not null,
  record text collate "C" not null,
  item text collate "C" not null,
  field text collate "C" not null,
  clash jsonb not null,
  clash_hash text collate "C" not null,
  winner text,
  state text not null,
  at text collate "C" not null
);
create unique index conflicts_open on connector.conflicts (clash_hash) where state = 'open';
create index conflicts_lane on connector.conflicts (lane, state);
create index conflicts_copy on connector.conflicts (copy);
create index conflicts_seq on connector.conflicts (seq);

create table connector.held (
  id text collate "C" primary key,
  seq bigint generated always as identity,
  lane text collate "C" not null,
  kind text collate "C" not null,
  what text not null,
  side text collate "C" not null,
  item text collate "C" not null,
  copy text collate "C",
  candidates jsonb not null,
  reason text not null,
  at text collate "C" not null,
  decision text
);
create unique index held_open on connector.held (lane, side, item) where decision is null;
create index held_decided on connector.held (lane, seq) where decision is not null;
create index held_seq on connector.held (seq);

create table connector.claims (
  uid text collate "C" primary key,
  lane text collate "C" not null,
  at text collate "C" not null
);
create index claims_at on connector.claims (at);

create table connector.settings (
  name text collate "C" primary key,
  value text not null
);

create table connector.secrets (
  name text collate "C" primary key,
  sealed bytea not null
);

-- The hot tables grow by whole folders at a time: statistics follow after a few hundred rows, not after a share.
alter table connector.inbox set (autovacuum_analyze_threshold = 500, autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0.05);
alter table connector.links set (autovacuum_analyze_threshold = 500, autovacuum_analyze_scale_factor = 0.05);
alter table connector.copies set (autovacuum_analyze_threshold = 500, autovacuum_analyze_scale_factor = 0.05);
alter table connector.operations set (autovacuum_analyze_threshold = 500, autovacuum_analyze_scale_factor = 0.05);
alter table connector.tombstones set (autovacuum_analyze_threshold = 500, autovacuum_analyze_scale_factor = 0.05);
alter table connector.skips set (autovacuum_analyze_threshold = 500, autovacuum_analyze_scale_factor = 0.05);
