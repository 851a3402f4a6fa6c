import type { z } from 'zod'
import type * as schemas from './schemas.ts'

/** The API's types, for the panel's pages. */
type Of<Name extends keyof typeof schemas> = (typeof schemas)[Name] extends z.ZodType ? z.output<(typeof schemas)[Name]> : never

export type Session = Of<'session'>
export type Person = Of<'person'>
export type Health = Of<'health'>
export type Latency = Of<'latency'>
export type UserRow = Of<'userRow'>
export type UserPage = Of<'userPage'>
export type Standing = UserRow['standing']
export type TestResult = Of<'testResult'>
export type Task = Of<'task'>
export type Groups = Of<'groups'>
export type CompanyPolicy = Of<'companyPolicy'>
export type Effective = Of<'effective'>
export type EffectivePage = Of<'effectivePage'>
export type Job = Of<'job'>
export type Write = Of<'write'>
export type Writes = Of<'writes'>
export type LogEntries = Of<'logEntries'>
export type Why = Of<'why'>
export type AttentionSummary = Of<'attentionSummary'>
export type Conflicts = Of<'conflicts'>
export type HeldPage = Of<'heldPage'>
export type Failing = Of<'failing'>
export type Skips = Of<'skips'>
export type Untold = Of<'untold'>
export type Availability = Of<'availability'>
export type Steps = Of<'steps'>
export type Candidates = Of<'candidates'>
export type PreviewResult = Of<'previewResult'>
export type Me = Of<'me'>
export type Wishes = Of<'wishes'>
export type Sharing = Of<'sharing'>
export type Token = Of<'token'>
export type Problem = Of<'problem'>
export type Connections = Of<'connections'>
export type ConnectionDraft = Of<'connectionDraft'>
export type CrmDraft = Of<'crmDraft'>
export type CrmSettings = Of<'crmSettings'>
