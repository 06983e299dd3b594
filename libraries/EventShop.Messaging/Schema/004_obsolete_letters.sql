-- Dead letters that no longer matter, and why: what they were about has been settled by other means. A letter is known by its sequence
-- and its time, because a stream that is lost and made again begins its sequences anew.
create table dead_letters_obsolete (
  sequence    bigint not null,
  given_up_at timestamptz not null,
  consumer    text not null,
  since       timestamptz not null,
  reason      text not null,
  primary key (sequence, given_up_at)
);
