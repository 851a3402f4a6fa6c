import type { SkipReason } from '../model/index.ts'

/** Why an item is left alone, and what brings it back, in a user's words. */
const SENTENCES: Readonly<Record<SkipReason, string>> = {
  recurring: 'It is a recurring task. Exchange makes its next date by itself; it is kept as it is on both sides.',
  'outside-window': 'It lies outside the synchronised window (sync.pastDays, sync.futureDays). It is looked at again when the window reaches it.',
  direction: 'The policy carries items of this kind only the other way.',
  'no-mailbox': 'Nobody it belongs to has a connected mailbox.',
  'no-place': 'The mailbox it belongs to has no place for items of its kind; "exchange-connector doctor" says why. It is looked at again every day.',
  unreadable: 'It cannot be read; the log says what is wrong. It is read again as soon as it changes.',
  category: 'Its categories are left out by the choices made for this mailbox. It is looked at again when they change.',
  'before-start': 'It is older than the moment from which this mailbox is synchronised. An edit brings it in.',
  private: 'It is private, and the policy privateItems is "skip".',
  ambiguous: 'Several items on the other side look the same. "exchange-connector held" asks which decision to take.',
  'user-deleted': 'Its user deleted it on the receiving side; that is respected.',
  'only-in-outlook': 'What was changed of it in the CRM can only be changed in Outlook: Microsoft 365 would mail the guests of the meeting, or lose the way into an online meeting. It is looked at again when it changes.',
  'moved-away': 'It was moved out of the synchronised folders, or let go of; it is no longer kept in step.',
}

export const explainSkip = (reason: SkipReason): string => SENTENCES[reason]
