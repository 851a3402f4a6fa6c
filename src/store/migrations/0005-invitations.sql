-- A meeting may be known to those it invites by another UID than its own.
create index copies_invitation on connector.copies ((traits->>'invitationUid')) where traits->>'invitationUid' is not null;
