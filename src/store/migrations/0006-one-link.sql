-- A record, that is its id and when it was born, has one link. Two mailboxes that linked it at the same moment had made one
-- each: their copies go to the older id, and links that no copy is left of go.
update connector.copies c set link = k.keep
  from (select id, first_value(id) over (partition by record, coalesce(born_at, '') order by id) as keep from connector.links) k
  where c.link = k.id and k.id <> k.keep;
delete from connector.links l where not exists (select 1 from connector.copies c where c.link = l.id);
drop index connector.links_record;
create unique index links_record on connector.links (record, coalesce(born_at, ''));
