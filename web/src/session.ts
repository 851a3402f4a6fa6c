import { createContext, useContext } from 'react'
import type { Session } from '../../src/http/api-types.ts'

export interface SessionFace {
  readonly session: Session
  /** As whom an administrator looks; null ends it. */
  seeAs(id: string | null): void
  /** After signing in or out: nothing of before is shown. */
  renew(): Promise<void>
}

export const SessionContext = createContext<SessionFace | null>(null)

export function useSession(): SessionFace {
  const face = useContext(SessionContext)
  if (face === null) throw new Error('no session')
  return face
}
