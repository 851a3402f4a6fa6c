/** Enumerations of the protocol and of the model, both ways. */
import type { FreeBusy, Importance, Sensitivity, TaskStatus } from '../model/index.ts'

export const FREE_BUSY: Readonly<Record<FreeBusy, string>> = {
  free: 'Free', tentative: 'Tentative', busy: 'Busy', oof: 'OOF', workingElsewhere: 'WorkingElsewhere',
}
export const SENSITIVITY: Readonly<Record<Sensitivity, string>> = {
  normal: 'Normal', personal: 'Personal', private: 'Private', confidential: 'Confidential',
}
export const IMPORTANCE: Readonly<Record<Importance, string>> = { low: 'Low', normal: 'Normal', high: 'High' }
export const TASK_STATUS: Readonly<Record<TaskStatus, string>> = {
  notStarted: 'NotStarted', inProgress: 'InProgress', completed: 'Completed', waitingOnOthers: 'WaitingOnOthers', deferred: 'Deferred',
}
/** The lists of a meeting, in the schema's order. */
export const ATTENDEE_LISTS = [['RequiredAttendees', 'required'], ['OptionalAttendees', 'optional'], ['Resources', 'resource']] as const

/**
 * The model's word for a wire value. A property that is not sent has its default; a word we do not know
 * (`NoData`, a later server's) is nothing we could write back, so it counts as not told.
 */
export function readEnum<Word extends string>(words: Readonly<Record<Word, string>>, value: string | undefined, standard: Word): Word | undefined {
  if (value === undefined || value === '') return standard
  return (Object.keys(words) as Word[]).find((word) => words[word] === value)
}
