import { asSyncError } from '../lib/errors.ts'
import type { Log } from '../ports.ts'
import type { PanelStore } from '../store/index.ts'

export type Topic = 'lanes' | 'activity' | 'attention' | 'jobs' | 'tasks' | 'config'

export interface Live {
  /**
   * Told which topics have news, never what they are; first all of them, once everything from then on is noticed.
   * @returns ends it
   */
  follow(listener: (topics: readonly Topic[]) => void): () => void
  tell(topic: Topic): void
  stop(): void
}

const PULSE_MS = 1000
const ALL: readonly Topic[] = ['lanes', 'activity', 'attention', 'jobs']

/** Looks at the database once a second while somebody watches: whichever process made the news, everybody hears of it. */
export function openLive(panel: PanelStore, log: Log): Live {
  const listeners = new Set<(topics: readonly Topic[]) => void>()
  let before: Readonly<Record<string, string>> | null = null
  let timer: NodeJS.Timeout | null = null
  let looking = false

  async function look(): Promise<void> {
    if (looking) return
    looking = true
    try {
      const now = await panel.views.pulse()
      const news = (Object.keys(now) as (keyof typeof now)[]).filter((topic) => before !== null && before[topic] !== now[topic])
      before = now
      if (news.length > 0) for (const listener of listeners) listener(news)
    } catch (thrown) {
      log.debug({ code: asSyncError(thrown).code }, 'the database could not be looked at for news')
    } finally {
      looking = false
    }
  }

  const pause = () => {
    if (timer !== null) clearInterval(timer)
    timer = null
    before = null
  }
  return {
    follow(listener) {
      listeners.add(listener)
      timer ??= setInterval(() => void look(), PULSE_MS)
      // What changed between the page's reading and this moment would otherwise never be told.
      void look().then(() => listener(ALL))
      return () => {
        listeners.delete(listener)
        if (listeners.size === 0) pause()
      }
    },
    tell(topic) {
      for (const listener of listeners) listener([topic])
    },
    stop() {
      pause()
      listeners.clear()
    },
  }
}
