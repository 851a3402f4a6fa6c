/**
 * Mailboxes that a server refuses together. It may be in trouble, or one of them may be: they go on in halves, so that
 * the one is found in log2 steps and a server that recovers has few streams to bear. Whoever is served well apart comes
 * back to the others, the later the more often he was taken apart: the one that spoils every stream comes last.
 */
import type { StreamMember } from './stream-member.ts'

export const REFUSALS_BEFORE_APART = 2
/** Streams of about half an hour that end well before a mailbox tries to share one again, at the most. */
const LONGEST_APART = 32

/** The streams on which those go on who were refused together. */
export function halves<T>(refused: readonly T[]): readonly (readonly T[])[] {
  const middle = Math.ceil(refused.length / 2)
  return refused.length < 2 ? [refused] : [refused.slice(0, middle), refused.slice(middle)]
}

/** Waits twice as long, in streams that end well, each time it is taken apart. */
export function mayComeBack({ timesApart, endedWell }: Pick<StreamMember, 'timesApart' | 'endedWell'>): boolean {
  return endedWell >= Math.min(LONGEST_APART, 2 ** (timesApart - 1))
}
