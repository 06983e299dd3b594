-- Attempts at messages that did not succeed when they were first delivered. Rows of messages that are settled go; what a crash leaves is pruned.
create table attempts (
  consumer  text not null,
  stream    text not null,
  sequence  bigint not null,
  stored_at timestamptz not null,             -- by the broker: a stream that is lost and made again begins its sequences anew
  failed    int not null default 0,
  begun     int not null default 0,           -- since the last one whose end is known: the process ended before they did
  at        timestamptz not null default now(),
  primary key (consumer, stream, sequence, stored_at)
);
