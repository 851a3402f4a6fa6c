create table connector.panel_sessions (
  hash text collate "C" primary key,
  user_id text collate "C" not null,
  user_name text not null,
  admin boolean not null,
  csrf text collate "C" not null,
  agent text not null,
  created_at timestamptz not null default now(),
  seen_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index panel_sessions_expires on connector.panel_sessions (expires_at);

create table connector.panel_tokens (
  id text collate "C" primary key,
  hash text collate "C" not null unique,
  name text not null,
  scope text not null,
  user_id text collate "C" not null,
  user_name text not null,
  created_at timestamptz not null default now(),
  used_at timestamptz,
  expires_at timestamptz not null
);

create table connector.preferences (
  user_id text collate "C" primary key,
  wishes jsonb not null,
  at timestamptz not null default now()
);

-- One row per write that carried a person's change: how long it took from one side to the other.
create table connector.latencies (
  at timestamptz not null default now(),
  side text not null,
  ms integer not null
);
create index latencies_at on connector.latencies (at);

create table connector.jobs (
  name text collate "C" primary key,
  schedule text,
  paused boolean not null default false,
  asked_at timestamptz,
  started_at timestamptz,
  ended_at timestamptz,
  ms integer,
  result text,
  message text,
  next_at timestamptz
);

-- What administrators and users did in the panel.
create table connector.panel_log (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  user_id text collate "C" not null,
  user_name text not null,
  action text not null,
  subject text not null,
  detail jsonb not null
);

-- What waits because it failed again and again.
create index inbox_failing on connector.inbox (lane, due_at) where error is not null;
create index operations_at on connector.operations (at);
create index conflicts_waiting on connector.conflicts (seq) where state <> 'closed';
