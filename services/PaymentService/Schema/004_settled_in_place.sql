-- Every payment is settled soon after it is stored: with room on its page, and no index on what changes, that is an update in place.
alter table payments set (fillfactor = 60);
